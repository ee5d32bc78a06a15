//! Servers with names, for those who look after several.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use config::{Config, File, FileFormat};
use serde::Deserialize;

use crate::client::Client;
use crate::config::Surroundings;
use crate::failure::{Failure, Kind};

/// Where an orchestrator is when nobody says.
const SERVER: &str = "http://127.0.0.1:7600";

/// Which orchestrator.
#[derive(Debug, Args)]
pub struct AddressArgs {
    // The environment is looked at when neither is given, so that a flag goes before both.
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "profile",
        help = "URL of the orchestrator's API [env: AMENDS_SERVER=] [default: http://127.0.0.1:7600]"
    )]
    pub server: Option<String>,
    #[arg(
        long,
        value_name = "NAME",
        help = "Server of that name in ~/.config/amends/profiles.toml [env: AMENDS_PROFILE=]"
    )]
    pub profile: Option<String>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    /// URL of its API.
    server: String,
}

impl AddressArgs {
    /// A client for that orchestrator. Nothing is sent yet.
    ///
    /// # Errors
    /// There is no such profile, or the URL is none.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.url(&Surroundings::read())?)
    }

    /// A flag goes before the environment, and a URL before a name.
    fn url(&self, around: &Surroundings) -> Result<String, Failure> {
        let given = match (&self.server, &self.profile) {
            (Some(url), _) => Ok(url),
            (None, Some(name)) => Err(name),
            (None, None) => match (&around.server, &around.profile) {
                (Some(url), _) => Ok(url),
                (None, Some(name)) => Err(name),
                (None, None) => return Ok(SERVER.to_owned()),
            },
        };
        match given {
            Ok(url) => Ok(url.clone()),
            Err(name) => named(name, around.profiles.as_deref()),
        }
    }
}

fn named(name: &str, file: Option<&Path>) -> Result<String, Failure> {
    let wrong = |message: String| {
        Failure::new(Kind::Usage, message).help(format!(
            "a profile reads\n\n    [{name}]\n    server = \"{SERVER}\""
        ))
    };
    let Some(file) = file else {
        return Err(wrong(format!(
            "there is no folder to look for profile `{name}` in: HOME is not set"
        )));
    };
    let shown = file.display();
    if !file.is_file() {
        return Err(wrong(format!("profile `{name}` needs the file {shown}")));
    }
    let profiles: BTreeMap<String, Profile> = Config::builder()
        .add_source(File::from(file).format(FileFormat::Toml))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| wrong(format!("{shown} is wrong: {error}")))?;
    match profiles.get(name) {
        Some(profile) => Ok(profile.server.clone()),
        None => {
            let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            let known = known.join(", ");
            Err(wrong(format!(
                "{shown} has no profile `{name}`; it has: {known}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_environment_and_a_url_before_a_name() {
        let file = std::env::temp_dir().join(format!("profiles-{}.toml", std::process::id()));
        std::fs::write(
            &file,
            "[a]\nserver = \"http://a\"\n[b]\nserver = \"http://b\"\n",
        )
        .unwrap();
        let url =
            |server: Option<&str>, profile: Option<&str>, around: (Option<&str>, Option<&str>)| {
                let own = |text: Option<&str>| text.map(str::to_owned);
                let args = AddressArgs {
                    server: own(server),
                    profile: own(profile),
                };
                args.url(&Surroundings {
                    server: own(around.0),
                    profile: own(around.1),
                    profiles: Some(file.clone()),
                })
                .map_err(|failure| failure.to_string())
            };
        let all = (Some("http://env"), Some("b"));
        assert_eq!(url(Some("http://flag"), None, all).unwrap(), "http://flag");
        assert_eq!(url(None, Some("a"), all).unwrap(), "http://a");
        assert_eq!(url(None, None, all).unwrap(), "http://env");
        assert_eq!(url(None, None, (None, Some("b"))).unwrap(), "http://b");
        assert_eq!(url(None, None, (None, None)).unwrap(), SERVER);
        let missing = url(None, Some("c"), all).unwrap_err();
        assert!(
            missing.contains("no profile `c`; it has: a, b"),
            "{missing}"
        );
        std::fs::remove_file(&file).unwrap();
        let gone = url(None, Some("a"), all).unwrap_err();
        assert!(gone.contains("needs the file"), "{gone}");
    }
}
