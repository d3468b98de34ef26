//! Variants of a later version, with contents or without.
//!
//! `#[serde(other)]` alone understands a word that it does not know, `"later"`, but not one with
//! contents, `{"later": …}`: an older host would refuse the whole document for one new piece of it.

use serde::de::value::{EnumAccessDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess, Unexpected,
    VariantAccess, Visitor,
};
use std::fmt;
use std::marker::PhantomData;

/// Implements serde's traits for an enum with `#[serde(remote = "Self")]` and a variant `Unknown`
/// that is `#[serde(other)]`.
macro_rules! tolerate {
    ($kind:ident) => {
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, to)
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(crate::later::Words::<Self>::new())
            }
        }

        impl crate::later::Tolerant for $kind {
            fn derived<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::deserialize(from)
            }

            fn later() -> Self {
                Self::Unknown
            }
        }
    };
}

pub(crate) use tolerate;

/// An enum with a variant for what a later version says.
pub(crate) trait Tolerant: Sized + PartialEq {
    /// What serde's derive made.
    fn derived<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error>;

    /// The variant for everything else.
    fn later() -> Self;
}

/// Reads a word, or an object of one key: the word and its contents.
pub(crate) struct Words<T>(PhantomData<T>);

impl<T> Words<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Tolerant> Visitor<'de> for Words<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word, or an object of one key")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        T::derived(IntoDeserializer::<E>::into_deserializer(word))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let one = || A::Error::invalid_value(Unexpected::Map, &"an object of one key");
        let word: String = map.next_key()?.ok_or_else(one)?;
        let alone = StrDeserializer::<A::Error>::new(&word);
        // A word that is known, but not without contents, is an error here.
        if T::derived(alone).is_ok_and(|read| read == T::later()) {
            map.next_value::<IgnoredAny>()?;
            return Ok(T::later());
        }
        let pair = Pair { word, map: &mut map };
        let read = T::derived(EnumAccessDeserializer::new(pair))?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(read),
            Some(_) => Err(one()),
        }
    }
}

/// A word that was read from an object, and the object that its contents follow in.
struct Pair<'a, A> {
    word: String,
    map: &'a mut A,
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Pair<'_, A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), A::Error> {
        let read = seed.deserialize(StrDeserializer::<A::Error>::new(&self.word))?;
        Ok((read, self))
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Pair<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.map.next_value()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom(format!("`{}` has more than one part", self.word)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, A::Error> {
        Err(A::Error::custom(format!("`{}` has named parts", self.word)))
    }
}
