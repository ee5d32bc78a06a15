//! Tokens of an identity provider: signed claims about who somebody is and what they may do.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::Value;

use super::caller::Caller;
use super::gate::Denied;
use super::keys::{KeyRing, KeySource, KeysError};
use super::role::Role;

/// Clocks may differ by as much, in seconds.
const LEEWAY_SECONDS: u64 = 30;

/// A longer name is refused, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// Which provider is believed, and what its claims mean.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// What must be in `aud`.
    pub audience: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// The claim with the roles: its name, or a JSON Pointer to it.
    pub roles_claim: String,
    /// The claim with the name.
    pub name_claim: String,
    /// The values of the roles' claim that stand for each role.
    pub roles: Vec<(Role, Vec<String>)>,
}

/// Knows callers by the tokens of one provider.
#[derive(Debug)]
pub(super) struct Oidc {
    settings: OidcSettings,
    keys: KeyRing,
}

impl Oidc {
    pub(super) fn new(settings: OidcSettings) -> Result<Self, KeysError> {
        let keys = KeyRing::new(settings.keys.clone())?;
        Ok(Self { settings, keys })
    }

    /// Gets the keys.
    pub(super) async fn check(&self) -> Result<(), Arc<KeysError>> {
        self.keys.refresh().await
    }

    /// Who has this token. What it says of itself decides nothing before the signature holds: its
    /// header only names the key, and the key says which algorithm it is for.
    pub(super) async fn verify(&self, token: &str) -> Result<Caller, Denied> {
        let header = decode_header(token).map_err(|error| refused(&error))?;
        let kid = header
            .kid
            .ok_or_else(|| Denied::Refused("it does not name its key (`kid`)".to_owned()))?;
        let key = self.keys.find(&kid).await.map_err(Denied::Keys)?;
        let key = key.ok_or_else(|| {
            Denied::Refused("the identity provider has no key with its `kid`".to_owned())
        })?;
        let claims = decode::<Value>(token, &key.key, &self.validation(key.algorithm))
            .map_err(|error| refused(&error))?
            .claims;
        self.caller(&claims)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }

    fn caller(&self, claims: &Value) -> Result<Caller, Denied> {
        let name = claim(claims, &self.settings.name_claim).and_then(Value::as_str);
        let fits = |name: &&str| (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains('\0');
        let name = name.filter(fits).ok_or_else(|| {
            let claim = &self.settings.name_claim;
            Denied::Refused(format!("it has no name in the claim `{claim}`"))
        })?;
        let has = claim(claims, &self.settings.roles_claim).map_or_else(Vec::new, texts);
        let stands = |values: &[String]| values.iter().any(|value| has.contains(&value.as_str()));
        let roles = self.settings.roles.iter();
        let found = roles.filter(|(_, values)| stands(values));
        match found.map(|(role, _)| *role).max() {
            Some(role) => Ok(Caller::Known {
                name: name.to_owned(),
                role,
            }),
            None => Err(Denied::NoRole(name.to_owned())),
        }
    }
}

/// A claim by its name, or by the pointer to it.
fn claim<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    if name.starts_with('/') {
        claims.pointer(name)
    } else {
        claims.get(name)
    }
}

/// The texts of a list, or the words of one text, as in `scope`.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn refused(error: &jsonwebtoken::errors::Error) -> Denied {
    let why = match error.kind() {
        ErrorKind::ExpiredSignature => return Denied::Expired("by its claim `exp`".to_owned()),
        ErrorKind::ImmatureSignature => "it does not count yet (`nbf`)",
        ErrorKind::InvalidIssuer => "it is of another issuer (`iss`)",
        ErrorKind::InvalidAudience => "it is for somebody else (`aud`)",
        ErrorKind::InvalidSignature => "its signature does not hold",
        ErrorKind::InvalidAlgorithm => "its algorithm (`alg`) is not the one of its key",
        ErrorKind::MissingRequiredClaim(name) => {
            return Denied::Refused(format!("it lacks the claim `{name}`"));
        }
        _ => "it cannot be read as a signed JWT",
    };
    Denied::Refused(why.to_owned())
}
