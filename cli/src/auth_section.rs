//! Settings that say who may use the API.

use orchestrator::auth::{KeySource, OidcSettings, Role};
use serde::Deserialize;

use crate::failure::{Failure, Kind};

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSection {
    /// Ask for tokens that `amends token create` has made.
    pub tokens: bool,
    /// `/metrics` asks nobody.
    pub open_metrics: bool,
    /// An identity provider.
    pub oidc: OidcSection,
}

/// `[auth.oidc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSection {
    /// The `iss` of its tokens; empty for none.
    pub issuer: String,
    /// What must be in their `aud`.
    pub audience: String,
    /// URL of its keys, or a file with them.
    pub jwks: String,
    /// The claim with the roles: its name, or a JSON Pointer.
    pub roles_claim: String,
    /// The claim with the name.
    pub name_claim: String,
    /// Values that stand for viewers, separated by commas.
    pub viewer: String,
    /// Values that stand for operators.
    pub operator: String,
    /// Values that stand for admins.
    pub admin: String,
}

impl OidcSection {
    /// How its tokens are checked.
    ///
    /// # Errors
    /// A setting that is needed is missing.
    pub fn settings(&self) -> Result<OidcSettings, Failure> {
        let needed = [
            ("audience", &self.audience),
            ("jwks", &self.jwks),
            ("roles_claim", &self.roles_claim),
            ("name_claim", &self.name_claim),
        ];
        if let Some((name, _)) = needed.into_iter().find(|(_, value)| value.is_empty()) {
            let message = format!("auth.oidc.issuer is set, and auth.oidc.{name} is not");
            return Err(Failure::new(Kind::Usage, message)
                .help("the settings and their meaning are in docs/configuration.md"));
        }
        let is_url = self.jwks.starts_with("https://") || self.jwks.starts_with("http://");
        let keys = if is_url {
            KeySource::Url(self.jwks.clone())
        } else {
            KeySource::File(self.jwks.clone().into())
        };
        let values = |text: &str| {
            let values = text.split(',').map(str::trim);
            let values = values.filter(|value| !value.is_empty());
            values.map(str::to_owned).collect()
        };
        Ok(OidcSettings {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            keys,
            roles_claim: self.roles_claim.clone(),
            name_claim: self.name_claim.clone(),
            roles: vec![
                (Role::Viewer, values(&self.viewer)),
                (Role::Operator, values(&self.operator)),
                (Role::Admin, values(&self.admin)),
            ],
        })
    }
}
