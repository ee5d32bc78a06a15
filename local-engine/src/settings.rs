//! What an engine's folder remembers between runs: ports, the node's name, secrets.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{StartError, file_error};
use crate::ports::Ports;

const FILE_NAME: &str = "settings";
/// Random bytes in a password or cookie; written as twice as many hexadecimal digits.
const SECRET_BYTES: usize = 16;
/// Random bytes that tell one node's name from another's.
const NODE_BYTES: usize = 4;

/// The settings of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) postgres_port: u16,
    pub(crate) amqp_port: u16,
    pub(crate) distribution_port: u16,
    pub(crate) epmd_port: u16,
    /// Erlang's name of the RabbitMQ node; its data are found by it.
    pub(crate) node: String,
    /// Password of both servers' user.
    pub(crate) password: String,
    /// Secret that Erlang nodes share.
    pub(crate) cookie: String,
}

impl Settings {
    /// Reads the folder's settings or makes new ones, takes other ports for those that are in use
    /// by now, and writes the result.
    pub(crate) fn load_or_create(folder: &Path) -> Result<Self, StartError> {
        let file = folder.join(FILE_NAME);
        let earlier = match fs::read_to_string(&file) {
            Ok(text) => Some(Self::parse(&text).ok_or_else(|| StartError::Settings {
                file: file.clone(),
                folder: folder.to_path_buf(),
            })?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(file_error("read", &file)(error)),
        };
        let mut ports = Ports::for_folder(folder);
        let mut port = |of: fn(&Self) -> u16| ports.keep_or_take(earlier.as_ref().map(of));
        let (postgres_port, amqp_port) = (port(|s| s.postgres_port)?, port(|s| s.amqp_port)?);
        let (distribution_port, epmd_port) =
            (port(|s| s.distribution_port)?, port(|s| s.epmd_port)?);
        let (node, password, cookie) = match earlier {
            Some(earlier) => (earlier.node, earlier.password, earlier.cookie),
            None => (
                format!("amends-{}@localhost", random_hex::<NODE_BYTES>()?),
                random_hex::<SECRET_BYTES>()?,
                random_hex::<SECRET_BYTES>()?,
            ),
        };
        let settings = Self {
            postgres_port,
            amqp_port,
            distribution_port,
            epmd_port,
            node,
            password,
            cookie,
        };
        write_private(&file, &settings.render())?;
        Ok(settings)
    }

    fn render(&self) -> String {
        let Self {
            postgres_port,
            amqp_port,
            distribution_port,
            epmd_port,
            ..
        } = self;
        let Self {
            node,
            password,
            cookie,
            ..
        } = self;
        format!(
            "postgres_port={postgres_port}\namqp_port={amqp_port}\n\
             distribution_port={distribution_port}\nepmd_port={epmd_port}\n\
             node={node}\npassword={password}\ncookie={cookie}\n"
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let fields: BTreeMap<&str, &str> = text
            .lines()
            .map(|line| line.split_once('='))
            .collect::<Option<_>>()?;
        let port = |name: &str| fields.get(name)?.parse().ok();
        let word = |name: &str| fields.get(name).map(|word| (*word).to_owned());
        Some(Self {
            postgres_port: port("postgres_port")?,
            amqp_port: port("amqp_port")?,
            distribution_port: port("distribution_port")?,
            epmd_port: port("epmd_port")?,
            node: word("node")?,
            password: word("password")?,
            cookie: word("cookie")?,
        })
    }
}

/// Replaces a file as a whole with one that only its owner can read.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<(), StartError> {
    let draft = file.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(file_error("remove", draft)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let write = || -> io::Result<()> {
        let mut output = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        output.write_all(text.as_bytes())?;
        output.sync_all()?;
        fs::rename(&draft, file)
    };
    write().map_err(file_error("write", file))
}

fn random_hex<const BYTES: usize>() -> Result<String, StartError> {
    let source = "/dev/urandom";
    let mut bytes = [0_u8; BYTES];
    File::open(source)
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(file_error("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Settings {
        Settings {
            postgres_port: 15_432,
            amqp_port: 15_672,
            distribution_port: 25_672,
            epmd_port: 14_369,
            node: "amends-0a1b2c3d@localhost".to_owned(),
            password: "secret".to_owned(),
            cookie: "biscuit".to_owned(),
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        assert_eq!(Settings::parse(&example().render()), Some(example()));
    }

    #[test]
    fn rejects_a_damaged_file() {
        let whole = example().render();
        let cut = &whole[..whole.len() / 2];
        assert_eq!(Settings::parse(cut), None);
        assert_eq!(Settings::parse("no equals sign"), None);
    }

    #[test]
    fn secrets_differ() {
        let first = random_hex::<SECRET_BYTES>().unwrap();
        assert_eq!(first.len(), 2 * SECRET_BYTES);
        assert_ne!(first, random_hex::<SECRET_BYTES>().unwrap());
    }
}
