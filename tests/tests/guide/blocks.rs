//! The fenced blocks of the guide.

use std::path::PathBuf;
use std::sync::Mutex;

/// The guide's text.
pub(crate) struct Guide(String);

/// One fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The line of its fence.
    pub(crate) line: usize,
    pub(crate) language: String,
    /// What the comment in the line above says: `<!-- … -->`.
    pub(crate) about: String,
    /// What is in it, with the end of its last line.
    pub(crate) text: String,
}

impl Guide {
    pub(crate) fn read() -> Self {
        let path = path();
        Self(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.0.lines().enumerate();
        let mut above = "";
        while let Some((n, line)) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let within: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| *line != "```")
                    .collect();
                let about = above.strip_prefix("<!-- ").and_then(|text| text.strip_suffix(" -->"));
                blocks.push(Block {
                    line: n + 1,
                    language: language.to_owned(),
                    about: about.unwrap_or_default().to_owned(),
                    text: within.iter().map(|line| format!("{line}\n")).collect(),
                });
            }
            above = line;
        }
        blocks
    }

    /// Writes blocks as they should be. Each is found by its line and old text: another test may
    /// have written others meanwhile.
    pub(crate) fn mend(mended: &[(Block, String)]) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock();
        for (old, right) in mended {
            let guide = Self::read();
            let same = |block: &&Block| block.about == old.about && block.text == old.text;
            let found = guide.blocks();
            let block = found.iter().find(same).unwrap_or_else(|| panic!("{old:?} is gone"));
            let lines: Vec<&str> = guide.0.lines().collect();
            let end = block.line + block.text.lines().count();
            let text =
                [&lines[..block.line].join("\n"), "\n", right, &lines[end..].join("\n"), "\n"];
            std::fs::write(path(), text.concat()).unwrap();
        }
    }
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide.md"))
}
