//! The headers of a message: texts by their names.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::envelope::command;

/// Texts by their names, in the order of these.
///
/// A command has some thirteen, always the same, and is written and read several times on its way. So
/// a name that is ours is never copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(Cow<'static, str>, String)>);

impl Headers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The text under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.place(name).ok()?;
        Some(&self.0[at].1)
    }

    /// Adds a text, or puts it in the place of the one that is there.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: String) {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Takes a text out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.place(name).ok()?;
        Some(self.0.remove(at).1)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Those under our prefix, named without it.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.iter();
        all.filter_map(|(name, value)| Some((without_prefix(name)?, value)))
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a JSON object, whose names `naming` makes ours.
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        from: D,
        naming: fn(&str) -> Cow<'static, str>,
    ) -> Result<Self, D::Error> {
        from.deserialize_map(Object { naming })
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// Some of a message's headers, by any names, to be written as an object.
pub(crate) struct Texts<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Texts<'a> {
    /// Those headers that are wanted.
    pub(crate) fn of(headers: &'a Headers, is_wanted: impl Fn(&str, &str) -> bool) -> Self {
        let all = headers.iter();
        Self(all.filter(|(name, value)| is_wanted(name, value)).collect())
    }

    /// One has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(one, _)| *one == name)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Texts<'a> {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// How the names of those begin that are ours.
const PREFIX: &str = "amends-";

/// Whether a header is one of ours.
pub(crate) fn is_ours(name: &str) -> bool {
    without_prefix(name).is_some()
}

/// The name of one of ours, without what they begin with.
pub(crate) fn without_prefix(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// The name in full of one that is ours.
pub(crate) fn prefixed(rest: &str) -> Cow<'static, str> {
    let ours = |name: &&&str| without_prefix(name) == Some(rest);
    match command::HEADERS.iter().find(ours) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("{PREFIX}{rest}")),
    }
}

/// A name as it is kept: ours are borrowed.
pub(crate) fn known(name: &str) -> Cow<'static, str> {
    match command::HEADERS.binary_search(&name) {
        Ok(at) => Cow::Borrowed(command::HEADERS[at]),
        Err(_) => Cow::Owned(name.to_owned()),
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, String)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, String)>>(headers: T) -> Self {
        let mut all = Self::new();
        all.extend(headers);
        all
    }
}

impl<N: Into<Cow<'static, str>>> Extend<(N, String)> for Headers {
    fn extend<T: IntoIterator<Item = (N, String)>>(&mut self, headers: T) {
        for (name, value) in headers {
            self.insert(name, value);
        }
    }
}

impl<N: Into<Cow<'static, str>>, const COUNT: usize> From<[(N, String); COUNT]> for Headers {
    fn from(headers: [(N, String); COUNT]) -> Self {
        headers.into_iter().collect()
    }
}

impl IntoIterator for Headers {
    type Item = (Cow<'static, str>, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from, known)
    }
}

/// An object of texts.
struct Object {
    naming: fn(&str) -> Cow<'static, str>,
}

impl<'de> Visitor<'de> for Object {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Headers(Vec::with_capacity(command::HEADERS.len()));
        while let Some(name) = map.next_key_seed(Name(self.naming))? {
            headers.insert(name, map.next_value()?);
        }
        Ok(headers)
    }
}

struct Name(fn(&str) -> Cow<'static, str>);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'static, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Cow<'static, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_in_the_order_of_their_names_and_read_back() {
        let mut headers = Headers::from([
            ("traceparent", "00-aa".to_owned()),
            ("amends-step", "charge".to_owned()),
            ("amends-op", "\"\\ö".to_owned()),
        ]);
        headers.insert("amends-step", "refund".to_owned());
        headers.insert("of-a-stranger", "1".to_owned());
        assert_eq!(headers.remove("traceparent").as_deref(), Some("00-aa"));
        let text = r#"{"amends-op":"\"\\ö","amends-step":"refund","of-a-stranger":"1"}"#;
        assert_eq!(serde_json::to_string(&headers).unwrap(), text);
        assert_eq!(serde_json::from_str::<Headers>(text).unwrap(), headers);
        assert_eq!(headers.get("amends-step"), Some("refund"));
        assert_eq!(headers.get("amends-saga"), None);
    }

    #[test]
    fn names_of_ours_are_not_copied() {
        assert!(command::HEADERS.is_sorted());
        let text = r#"{"amends-\u0073aga":"1","other":"2"}"#;
        let headers: Headers = serde_json::from_str(text).unwrap();
        let borrowed = headers
            .0
            .iter()
            .map(|(name, _)| matches!(name, Cow::Borrowed(_)));
        assert_eq!(borrowed.collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn what_is_no_object_of_texts_is_refused() {
        for wrong in ["[]", r#"{"a":1}"#, r#""a""#] {
            assert!(serde_json::from_str::<Headers>(wrong).is_err(), "{wrong}");
        }
    }
}
