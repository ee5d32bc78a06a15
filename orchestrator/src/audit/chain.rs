//! The chain: each record's hash covers the record before it and everything it says.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::{AuditEntry, AuditRecord, Standing};

/// Names the encoding, so that another one can never give the same hash.
const ENCODING: &[u8] = b"amends.audit.v1";

/// A SHA-256; as text, 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
pub struct AuditHash(pub [u8; 32]);

impl AuditHash {
    /// What stands before the first record.
    pub const GENESIS: Self = Self([0; 32]);
}

impl AuditRecord {
    /// Puts an entry into its place after the record with that hash.
    #[must_use]
    pub fn linked(seq: u64, previous: AuditHash, entry: AuditEntry) -> Self {
        let hash = hash(seq, &previous, &entry);
        Self {
            seq,
            entry,
            previous,
            hash,
        }
    }
}

/// How far a chain was followed: how many records, and the hash of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// Records so far.
    pub records: u64,
    /// Hash of the last.
    pub hash: AuditHash,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            records: 0,
            hash: AuditHash::GENESIS,
        }
    }
}

impl Chain {
    /// Puts entries at its end.
    #[must_use]
    pub fn link(mut self, entries: &[AuditEntry]) -> Vec<AuditRecord> {
        let mut linked = Vec::with_capacity(entries.len());
        for entry in entries {
            let record = AuditRecord::linked(self.records + 1, self.hash, entry.clone());
            self = Self {
                records: record.seq,
                hash: record.hash,
            };
            linked.push(record);
        }
        linked
    }

    /// Goes on to the next record, if it is the one that was written there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn follow(&mut self, record: &AuditRecord) -> Result<(), Broken> {
        if record.seq != self.records + 1 {
            return Err(Broken::Missing {
                expected: self.records + 1,
                found: record.seq,
            });
        }
        if record.previous != self.hash {
            return Err(Broken::Link(record.seq));
        }
        if record.hash != hash(record.seq, &record.previous, &record.entry) {
            return Err(Broken::Content(record.seq));
        }
        self.records = record.seq;
        self.hash = record.hash;
        Ok(())
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Records were taken out.
    #[error("record {expected} is missing: the next one is {found}")]
    Missing {
        /// Which should come.
        expected: u64,
        /// Which does.
        found: u64,
    },
    /// It was not written after the record that is before it.
    #[error("record {0} was not written after the one before it: either was exchanged or put in")]
    Link(u64),
    /// It says something else than what was written.
    #[error("record {0} was changed: it does not have its hash")]
    Content(u64),
    /// What is known to have been there is not.
    #[error("the log ends at record {records}, and had {anchor} once: its end was cut off")]
    CutOff {
        /// Where it ends.
        records: u64,
        /// Where it ended once.
        anchor: u64,
    },
    /// It is in itself a chain, and another one.
    #[error("record {0} is not the one that the anchor names: the log was written anew")]
    Rewritten(u64),
}

/// What a chain was once, kept where who can change the log cannot: `COUNT:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor(pub Chain);

impl Anchor {
    /// Checks the anchor against a chain that has been followed so far; what comes later is not
    /// looked at.
    ///
    /// # Errors
    /// The record that the anchor names is another one.
    pub fn check(&self, chain: &Chain) -> Result<(), Broken> {
        if chain.records == self.0.records && chain.hash != self.0.hash {
            return Err(Broken::Rewritten(chain.records));
        }
        Ok(())
    }

    /// Checks that the chain, followed to its end, reaches as far as the anchor.
    ///
    /// # Errors
    /// It ends before.
    pub fn check_end(&self, chain: &Chain) -> Result<(), Broken> {
        if chain.records < self.0.records {
            return Err(Broken::CutOff {
                records: chain.records,
                anchor: self.0.records,
            });
        }
        Ok(())
    }
}

/// SHA-256 over the fields in the order of the table. Each is preceded by its length, and what is
/// absent is told from what is empty, so that no two records have one encoding.
fn hash(seq: u64, previous: &AuditHash, entry: &AuditEntry) -> AuditHash {
    let mut hasher = Sha256::new();
    hasher.update(ENCODING);
    hasher.update(previous.0);
    let mut field = |value: Option<&[u8]>| match value {
        None => hasher.update([0]),
        Some(bytes) => {
            hasher.update([1]);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            hasher.update(length.to_be_bytes());
            hasher.update(bytes);
        }
    };
    let number = |number: u64| number.to_be_bytes();
    let state = |standing: &Option<Standing>| {
        let state = standing.as_ref().map(|it| it.state.clone());
        let version = standing.as_ref().and_then(|it| it.version);
        (state, version.map(number))
    };
    let (before, after) = (state(&entry.before), state(&entry.after));
    let answers = entry.answers.map(number);
    let text = |text: &Option<String>| text.clone().map(String::into_bytes);
    field(Some(&number(seq)));
    field(Some(&entry.at.as_micros().to_be_bytes()));
    field(Some(entry.request.as_bytes()));
    field(answers.as_ref().map(|it| &it[..]));
    field(Some(entry.phase.as_str().as_bytes()));
    field(Some(entry.who.as_bytes()));
    field(text(&entry.on_behalf_of).as_deref());
    field(Some(entry.role.as_bytes()));
    field(Some(entry.verb.as_bytes()));
    field(Some(entry.target.as_bytes()));
    field(entry.saga.as_ref().map(|saga| &saga.0.as_bytes()[..]));
    field(text(&entry.reason).as_deref());
    for (state, version) in [&before, &after] {
        field(text(state).as_deref());
        field(version.as_ref().map(|it| &it[..]));
    }
    field(text(&entry.detail).as_deref());
    AuditHash(hasher.finalize().into())
}

impl fmt::Display for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuditHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no place in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no anchor: it reads COUNT:HASH, as `amends audit --verify` prints it")]
pub struct BadAnchor(String);

impl FromStr for AuditHash {
    type Err = BadAnchor;

    fn from_str(text: &str) -> Result<Self, BadAnchor> {
        let bad = || BadAnchor(text.to_owned());
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for AuditHash {
    type Error = BadAnchor;

    fn try_from(text: String) -> Result<Self, BadAnchor> {
        text.parse()
    }
}

impl From<AuditHash> for String {
    fn from(hash: AuditHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.records, self.0.hash)
    }
}

impl FromStr for Anchor {
    type Err = BadAnchor;

    fn from_str(text: &str) -> Result<Self, BadAnchor> {
        let bad = || BadAnchor(text.to_owned());
        let (records, hash) = text.split_once(':').ok_or_else(bad)?;
        let chain = Chain {
            records: records.parse().map_err(|_| bad())?,
            hash: hash.parse().map_err(|_| bad())?,
        };
        Ok(Self(chain))
    }
}
