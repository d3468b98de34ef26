//! JSON within text, masked in place: what is not secret keeps its letters.

use super::known::Place;
use super::names::{self, Secrecy};
use super::pairs::Secret;
use super::{MASK, Redactor};
use std::borrow::Cow;
use std::ops::Range;

/// Deeper documents are looked at as text.
const MAX_DEPTH: usize = 100;

/// Larger documents are looked at as text, so that memory stays small.
const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// A value of a document and where it stands.
#[derive(Debug)]
enum Node {
    Text(Range<usize>),
    Number(Range<usize>),
    /// True, false and null.
    Word,
    List(Vec<Node>),
    Object(Vec<(Range<usize>, Node)>),
}

/// A document within a text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) range: Range<usize>,
    root: Node,
}

/// The documents of a text, from left to right.
pub(crate) fn find_documents(text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    if text.len() > MAX_DOCUMENT_BYTES {
        return found;
    }
    let start = text.len() - text.trim_start().len();
    if text[start..].starts_with('"') {
        // A text alone is one where nothing follows it.
        found.extend(
            Document::parse(text, start)
                .ok()
                .filter(|document| text[document.range.end..].trim().is_empty()),
        );
        if !found.is_empty() {
            return found;
        }
    }
    // What does not parse is read once more from within; that must not be repeated without end.
    let mut budget = text.len().saturating_mul(8) + 4096;
    let mut at = 0;
    while let Some(next) = text[at..].find(['{', '[']) {
        let begin = at + next;
        at = match Document::parse(text, begin) {
            Ok(document) => {
                let end = document.range.end;
                found.push(document);
                end
            }
            Err(failed) => {
                budget = budget.saturating_sub(failed - begin + 1);
                begin + 1
            }
        };
        if budget == 0 {
            break;
        }
    }
    found
}

impl Document {
    /// The document that begins here, or the place where it is none.
    fn parse(text: &str, begin: usize) -> Result<Self, usize> {
        let mut parser = Parser { bytes: text.as_bytes(), at: begin };
        let root = parser.value(0).map_err(|()| parser.at)?;
        Ok(Self { range: begin..parser.at, root })
    }

    /// What has to be replaced in it.
    pub(crate) fn secrets(&self, text: &str, redactor: &Redactor, place: Place) -> Vec<Secret> {
        let mut masking = Masking { text, redactor, place, secrets: Vec::new() };
        masking.mask_named(&self.root);
        masking.secrets
    }
}

struct Masking<'a> {
    text: &'a str,
    redactor: &'a Redactor,
    /// Whose words the document is.
    place: Place,
    secrets: Vec<Secret>,
}

impl Masking<'_> {
    /// Masks what stands under secret names, and secrets within texts.
    fn mask_named(&mut self, node: &Node) {
        match node {
            Node::Text(range) => self.mask_within(range),
            Node::Number(range) => {
                if self.redactor.knows(&self.text[range.clone()], self.place) {
                    self.replace(range.clone(), MASK);
                }
            }
            Node::Word => {}
            Node::List(items) => {
                // A header as a pair: `["Authorization", "…"]`.
                if let [Node::Text(name), value @ Node::Text(_)] = items.as_slice()
                    && names::is_header(&self.decode(name))
                {
                    let secrecy = names::secrecy(&self.decode(name));
                    self.mask_all(value, secrecy);
                    return;
                }
                self.mask_items(items);
            }
            Node::Object(fields) => self.mask_object(fields),
        }
    }

    /// The items of a list; a value may follow its option: `["--password", "…"]`.
    fn mask_items(&mut self, items: &[Node]) {
        let mut option = Secrecy::None;
        for item in items {
            match option {
                Secrecy::None => self.mask_named(item),
                secrecy => self.mask_all(item, secrecy),
            }
            option = match item {
                Node::Text(range) => names::secrecy_of_option(&self.decode(range)),
                _ => Secrecy::None,
            };
        }
    }

    fn mask_object(&mut self, fields: &[(Range<usize>, Node)]) {
        let secret_object =
            self.texts_of(fields, |name| name == "kind").contains(&"Secret".to_owned());
        let mut named = self
            .texts_of(fields, names::names_another)
            .into_iter()
            .map(|name| names::secrecy(&name));
        let named = named.rfind(|secrecy| *secrecy != Secrecy::None);
        for (key, value) in fields {
            self.mask_key(key);
            let name = self.decode(key).into_owned();
            let whole = names::holds_secrets(&name, secret_object);
            match (names::secrecy(&name), named) {
                _ if whole => self.mask_all(value, Secrecy::Whole),
                (Secrecy::None, Some(secrecy)) if names::holds_named(&name) => {
                    self.mask_all(value, secrecy);
                }
                (Secrecy::None, _) => self.mask_named(value),
                (secrecy, _) => self.mask_all(value, secrecy),
            }
        }
    }

    /// The texts of fields whose names are wanted.
    fn texts_of(
        &self,
        fields: &[(Range<usize>, Node)],
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let texts = fields.iter().filter_map(|(key, value)| match value {
            Node::Text(text) if wanted(&self.decode(key)) => Some(self.decode(text).into_owned()),
            _ => None,
        });
        texts.collect()
    }

    /// Masks every text and number below a secret name.
    fn mask_all(&mut self, node: &Node, secrecy: Secrecy) {
        match node {
            Node::Text(range) => {
                let value = self.decode(range);
                if value.is_empty() || value == MASK {
                    return;
                }
                if secrecy.hides(&value) {
                    self.replace(range.clone(), MASK);
                } else {
                    self.mask_within(range);
                }
            }
            Node::Number(range) => {
                if secrecy.hides(&self.text[range.clone()]) {
                    self.replace(range.clone(), MASK);
                }
            }
            Node::Word => {}
            Node::List(items) => items.iter().for_each(|item| self.mask_all(item, secrecy)),
            Node::Object(fields) if self.is_setting(fields) => {
                for (key, value) in fields {
                    if self.decode(key) == "value" {
                        self.mask_all(value, secrecy);
                    }
                }
            }
            Node::Object(fields) => {
                for (key, value) in fields {
                    self.mask_key(key);
                    self.mask_all(value, secrecy);
                }
            }
        }
    }

    /// A setting with what is said of it (`server config`): where it comes from is no secret.
    fn is_setting(&self, fields: &[(Range<usize>, Node)]) -> bool {
        let is_secret = fields
            .iter()
            .any(|(key, value)| matches!(value, Node::Word) && self.decode(key) == "secret");
        is_secret
            && fields.iter().all(|(key, _)| super::value::SETTING.contains(&&*self.decode(key)))
    }

    fn mask_within(&mut self, range: &Range<usize>) {
        let value = self.decode(range);
        if let Cow::Owned(masked) = self.redactor.text_at(&value, self.place) {
            self.replace(range.clone(), &masked);
        }
    }

    /// A key is a name, whatever it is called.
    fn mask_key(&mut self, range: &Range<usize>) {
        let key = self.decode(range);
        if let Cow::Owned(masked) = self.redactor.text_at(&key, Place::Ours) {
            self.replace(range.clone(), &masked);
        }
    }

    fn replace(&mut self, range: Range<usize>, value: &str) {
        self.secrets.push(Secret { range, mask: serde_json::Value::from(value).to_string() });
    }

    /// A text without its quotes and escapes.
    fn decode(&self, range: &Range<usize>) -> Cow<'_, str> {
        let inside = &self.text[range.start + 1..range.end - 1];
        if !inside.contains('\\') {
            return Cow::Borrowed(inside);
        }
        let decoded = serde_json::from_str(&self.text[range.clone()]);
        decoded.map_or(Cow::Borrowed(inside), Cow::Owned)
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, ()> {
        self.skip_blanks();
        let start = self.at;
        match self.bytes.get(start).ok_or(())? {
            b'"' => self.string().map(Node::Text),
            b'{' if depth < MAX_DEPTH => self.object(depth),
            b'[' if depth < MAX_DEPTH => self.list(depth),
            b'-' | b'0'..=b'9' => {
                let part = |byte: &&u8| {
                    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
                };
                self.at += self.bytes[start..].iter().take_while(part).count();
                Ok(Node::Number(start..self.at))
            }
            _ => {
                let rest = &self.bytes[start..];
                let words: [&[u8]; 3] = [b"true", b"false", b"null"];
                let word = words.into_iter().find(|word| rest.starts_with(word)).ok_or(())?;
                self.at += word.len();
                Ok(Node::Word)
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, ()> {
        let mut fields = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Node::Object(fields));
        }
        loop {
            self.skip_blanks();
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(());
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(b':') {
                return Err(());
            }
            fields.push((key, self.value(depth + 1)?));
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Node::Object(fields));
            }
            if !self.take(b',') {
                return Err(());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, ()> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            if !self.take(b',') {
                return Err(());
            }
        }
    }

    fn string(&mut self) -> Result<Range<usize>, ()> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at).ok_or(())? {
                b'"' => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(taken);
        taken
    }

    fn skip_blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}
