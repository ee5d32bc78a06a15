//! Servers with names, for those who look after several.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::FalseyValueParser;
use config::{Config, FileFormat, Value, ValueKind};
use serde::Deserialize;

use crate::client::Client;
use crate::config::Surroundings;
use crate::endpoint::{Endpoint, Token};
use crate::failure::{Failure, Kind};

/// Where an orchestrator is when nobody says.
const SERVER: &str = "http://127.0.0.1:7600";

/// A larger file has no token in it, in bytes.
const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Which orchestrator, and who asks.
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
    #[arg(
        long,
        help = "Token that says who you are; others see it here, and not in [env: AMENDS_TOKEN=]"
    )]
    pub token: Option<Token>,
    /// Send the token also where the network can read it
    #[arg(
        long,
        env = "AMENDS_TOKEN_UNENCRYPTED",
        value_parser = FalseyValueParser::new()
    )]
    pub token_unencrypted: bool,
}

/// One server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    /// URL of its API.
    server: String,
    /// Who asks there.
    token: Option<Token>,
    /// The file that has it, from the folder of the profiles.
    token_file: Option<PathBuf>,
}

impl AddressArgs {
    /// A client for that orchestrator. Nothing is sent yet.
    ///
    /// # Errors
    /// There is no such profile, or what it says of a token is wrong, or the URL is none.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.endpoint(&Surroundings::read())?)
    }

    /// A flag goes before the environment, and a URL before a name. The token of a profile goes
    /// before that of the environment, which may be another server's.
    fn endpoint(&self, around: &Surroundings) -> Result<Endpoint, Failure> {
        let name = match (&self.server, &self.profile) {
            (Some(_), _) => None,
            (None, Some(name)) => Some(name),
            (None, None) if around.server.is_some() => None,
            (None, None) => around.profile.as_ref(),
        };
        let (url, own) = match name {
            Some(name) => {
                let (profile, file) = named(name, around.profiles.as_deref())?;
                let own = match &self.token {
                    Some(_) => None,
                    None => profile.own_token(name, file)?,
                };
                (profile.server, own)
            }
            None => {
                let url = self.server.as_ref().or(around.server.as_ref());
                (url.map_or(SERVER, String::as_str).to_owned(), None)
            }
        };
        let token = self.token.clone().or(own);
        Ok(Endpoint {
            url,
            token: token.or_else(|| around.token.clone()),
            token_unencrypted: self.token_unencrypted,
        })
    }
}

impl Profile {
    /// The token that it names, if it names one. Others who can read it are told of.
    fn own_token(&self, name: &str, profiles: &Path) -> Result<Option<Token>, Failure> {
        match (&self.token, &self.token_file) {
            (None, None) => Ok(None),
            (Some(token), None) => {
                warn_of_readers(profiles);
                Ok(Some(token.clone()))
            }
            (None, Some(file)) => {
                let file = profiles.parent().unwrap_or(profiles).join(file);
                let token = token_in(&file)?;
                warn_of_readers(&file);
                Ok(Some(token))
            }
            (Some(_), Some(_)) => {
                let message = format!("profile `{name}` has both `token` and `token_file`");
                Err(Failure::new(Kind::Usage, message).help("leave one of them out"))
            }
        }
    }
}

fn token_in(file: &Path) -> Result<Token, Failure> {
    let shown = file.display();
    let wrong = |why: &str| {
        Failure::new(
            Kind::Usage,
            format!("no token can be read in {shown}: {why}"),
        )
        .help("write what `amends token create` has printed into it, and nothing else")
    };
    let mut text = String::new();
    File::open(file)
        .and_then(|file| {
            file.take(TOKEN_FILE_BYTES_MAX + 1)
                .read_to_string(&mut text)
        })
        .map_err(|error| wrong(&error.to_string()))?;
    if text.len() as u64 > TOKEN_FILE_BYTES_MAX {
        return Err(wrong(&format!(
            "it has more than {TOKEN_FILE_BYTES_MAX} bytes"
        )));
    }
    let token = Token::from(text);
    match token.reveal() {
        "" => Err(wrong("it is empty")),
        _ => Ok(token),
    }
}

#[cfg(unix)]
fn warn_of_readers(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(file).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o044 != 0) {
        let shown = file.display();
        let mut out = std::io::stderr().lock();
        // Who does not hear it has lost standard error, and is not stopped by that.
        let _unheard = writeln!(
            out,
            "warning: others can read the token in {shown}\n  help: chmod 600 {shown}"
        );
    }
}

/// Who may read a file cannot be told here.
#[cfg(not(unix))]
const fn warn_of_readers(_: &Path) {}

/// The profile of this name, and the file that it is in.
fn named<'a>(name: &str, file: Option<&'a Path>) -> Result<(Profile, &'a Path), Failure> {
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
    let mut profiles: BTreeMap<String, Value> = Config::builder()
        .add_source(config::File::from(file).format(FileFormat::Toml))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| wrong(format!("{shown} is wrong: {}", unquoted(&error))))?;
    let Some(profile) = profiles.remove(name) else {
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        let known = known.join(", ");
        return Err(wrong(format!(
            "{shown} has no profile `{name}`; it has: {known}"
        )));
    };
    // Said before it is taken apart, which would show a text that stands there.
    if !matches!(profile.kind, ValueKind::Table(_)) {
        return Err(wrong(format!("`{name}` in {shown} is no section")));
    }
    let profile = profile
        .try_deserialize()
        .map_err(|error| wrong(format!("profile `{name}` in {shown} is wrong: {error}")))?;
    Ok((profile, file))
}

/// What is wrong with a file, without the line that it quotes: that may be a token's.
fn unquoted(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let lines = text.lines().filter(|line| {
        let number = line
            .trim_start()
            .trim_start_matches(|one: char| one.is_ascii_digit());
        !number.trim_start().starts_with('|')
    });
    lines.collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Folder(PathBuf);

    impl Folder {
        fn with(name: &str, profiles: &str) -> Self {
            let name = format!("amends-profiles-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("profiles.toml"), profiles).unwrap();
            Self(folder)
        }

        fn profiles(&self) -> PathBuf {
            self.0.join("profiles.toml")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // A folder that stays harms nobody.
            let _gone = std::fs::remove_dir_all(&self.0);
        }
    }

    fn args(server: Option<&str>, profile: Option<&str>, token: Option<&str>) -> AddressArgs {
        AddressArgs {
            server: server.map(str::to_owned),
            profile: profile.map(str::to_owned),
            token: token.map(|text| Token::from(text.to_owned())),
            token_unencrypted: false,
        }
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_a_url_before_a_name() {
        let folder = Folder::with(
            "url",
            "[a]\nserver = \"http://a\"\n[b]\nserver = \"http://b\"\n",
        );
        let url =
            |server: Option<&str>, profile: Option<&str>, around: (Option<&str>, Option<&str>)| {
                let endpoint = args(server, profile, None).endpoint(&Surroundings {
                    server: around.0.map(str::to_owned),
                    profile: around.1.map(str::to_owned),
                    profiles: Some(folder.profiles()),
                    token: None,
                });
                endpoint
                    .map(|endpoint| endpoint.url)
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
        std::fs::remove_file(folder.profiles()).unwrap();
        let gone = url(None, Some("a"), all).unwrap_err();
        assert!(gone.contains("needs the file"), "{gone}");
    }

    #[test]
    fn a_profile_brings_its_own_token() {
        let folder = Folder::with(
            "token",
            "[a]\nserver = \"http://a\"\ntoken = \"amends_a\"\n\
             [b]\nserver = \"http://b\"\ntoken_file = \"b.token\"\n\
             [c]\nserver = \"http://c\"\n\
             [d]\nserver = \"http://d\"\ntoken = \"amends_d\"\ntoken_file = \"b.token\"\n",
        );
        let around = Surroundings {
            token: Some(Token::from("amends_env".to_owned())),
            profiles: Some(folder.profiles()),
            ..Surroundings::default()
        };
        let token = |server: Option<&str>, profile: Option<&str>, token: Option<&str>| {
            let endpoint = args(server, profile, token).endpoint(&around);
            let endpoint = endpoint.map_err(|failure| failure.to_string())?;
            let token = endpoint.token.map(|token| token.reveal().to_owned());
            Ok::<_, String>(token.unwrap_or_default())
        };
        assert_eq!(token(None, Some("a"), None).unwrap(), "amends_a");
        assert_eq!(
            token(None, Some("a"), Some("amends_flag")).unwrap(),
            "amends_flag"
        );
        assert_eq!(token(None, Some("c"), None).unwrap(), "amends_env");
        assert_eq!(token(Some("http://x"), None, None).unwrap(), "amends_env");
        let both = token(None, Some("d"), None).unwrap_err();
        assert!(both.contains("both `token` and `token_file`"), "{both}");
        let missing = token(None, Some("b"), None).unwrap_err();
        assert!(missing.contains("b.token: No such file"), "{missing}");
        std::fs::write(folder.0.join("b.token"), " \n").unwrap();
        let empty = token(None, Some("b"), None).unwrap_err();
        assert!(empty.contains("it is empty"), "{empty}");
        std::fs::write(folder.0.join("b.token"), "amends_b\n").unwrap();
        assert_eq!(token(None, Some("b"), None).unwrap(), "amends_b");
        std::fs::write(folder.0.join("b.token"), "x".repeat(64 * 1024 + 1)).unwrap();
        let large = token(None, Some("b"), None).unwrap_err();
        assert!(large.contains("more than 65536 bytes"), "{large}");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_told_without_the_token_in_it() {
        for (number, text) in [
            "[a]\nserver = \"http://a\"\ntoken = amends_5ec2e7\n",
            "a = \"amends_5ec2e7\"\n",
            "[a]\nserver = \"http://a\"\ntoken = [\"amends_5ec2e7\"]\n",
            "[a]\nserver = \"http://a\"\ntokn = \"amends_5ec2e7\"\n",
        ]
        .iter()
        .enumerate()
        {
            let folder = Folder::with(&format!("wrong-{number}"), text);
            let around = Surroundings {
                profiles: Some(folder.profiles()),
                ..Surroundings::default()
            };
            let failure = args(None, Some("a"), None).endpoint(&around).unwrap_err();
            let said = failure.to_string();
            assert!(said.contains("profiles.toml"), "{said}");
            assert!(!said.contains("5ec2e7"), "{said}");
        }
    }
}
