//! Where the servers' programs are, and what to install when they are not there.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::search_path;

const POSTGRES_PACKAGES: &str = "/usr/lib/postgresql";
const RABBITMQ_PACKAGE: &str = "/usr/lib/rabbitmq/bin";

/// The installed servers.
#[derive(Debug, Clone)]
pub struct Packages {
    /// Every PostgreSQL found, newest major version first; never empty.
    pub postgres: Vec<PostgresPackage>,
    /// The RabbitMQ found first.
    pub rabbitmq: RabbitmqPackage,
}

/// One installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresPackage {
    /// Major version, such as 15.
    pub major: u32,
    /// Folder of `postgres`, `initdb` and `pg_isready`.
    pub programs: PathBuf,
}

/// One installed RabbitMQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RabbitmqPackage {
    /// Folder of `rabbitmq-server` and `rabbitmqctl`.
    pub programs: PathBuf,
    /// Erlang's port mapper.
    pub epmd: PathBuf,
}

/// The servers that are not installed; displays what to install and the command to type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    packages: Vec<&'static str>,
}

impl Packages {
    /// Looks in `PATH` and where Debian's packages put the servers.
    pub fn find() -> Result<Self, Missing> {
        let path: Vec<PathBuf> = std::env::split_paths(&search_path()).collect();
        let postgres = find_postgres(&path);
        match (postgres.is_empty(), find_rabbitmq(&path)) {
            (false, Some(rabbitmq)) => Ok(Self { postgres, rabbitmq }),
            (no_postgres, rabbitmq) => {
                let mut packages = Vec::new();
                if no_postgres {
                    packages.push("postgresql");
                }
                if rabbitmq.is_none() {
                    packages.push("rabbitmq-server");
                }
                Err(Missing { packages })
            }
        }
    }
}

impl Missing {
    /// The Debian packages to install.
    pub fn packages(&self) -> &[&'static str] {
        &self.packages
    }

    /// The command that installs them, for a person to type.
    pub fn command(&self) -> String {
        let packages = self.packages.join(" ");
        format!("sudo apt-get install --no-install-recommends {packages}")
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages = self.packages.join(" and ");
        let (noun, verb) = if self.packages.len() == 1 {
            ("package", "is")
        } else {
            ("packages", "are")
        };
        let command = self.command();
        write!(
            formatter,
            "the {noun} {packages} {verb} not installed; on Debian: {command}"
        )
    }
}

fn find_postgres(path: &[PathBuf]) -> Vec<PostgresPackage> {
    let packaged = fs::read_dir(POSTGRES_PACKAGES)
        .into_iter()
        .flatten()
        .flatten();
    // A program in PATH may be a link to one of several; its siblings are where the link leads.
    let linked = path
        .iter()
        .filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok());
    let mut found: Vec<PostgresPackage> = packaged
        .map(|entry| entry.path().join("bin"))
        .chain(linked.filter_map(|program| program.parent().map(Path::to_path_buf)))
        .filter(|programs| {
            ["postgres", "initdb", "pg_isready"]
                .iter()
                .all(|name| programs.join(name).is_file())
        })
        .filter_map(|programs| {
            Some(PostgresPackage {
                major: postgres_major(&programs)?,
                programs,
            })
        })
        .collect();
    found.sort_by(|a, b| {
        b.major
            .cmp(&a.major)
            .then_with(|| a.programs.cmp(&b.programs))
    });
    found.dedup();
    found
}

fn postgres_major(programs: &Path) -> Option<u32> {
    let output = Command::new(programs.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// Reads 15 from `postgres (PostgreSQL) 15.18 (Debian …)`, and 17 from `… 17beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once(") ")?.1;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn find_rabbitmq(path: &[PathBuf]) -> Option<RabbitmqPackage> {
    let programs = std::iter::once(Path::new(RABBITMQ_PACKAGE))
        .chain(path.iter().map(PathBuf::as_path))
        .find(|folder| is_rabbitmq(folder))?;
    let epmd = path
        .iter()
        .map(|folder| folder.join("epmd"))
        .find(|program| program.is_file())?;
    Some(RabbitmqPackage {
        programs: programs.to_path_buf(),
        epmd,
    })
}

/// Whether the folder holds RabbitMQ's own scripts. Debian's in `/usr/sbin` are wrappers of the
/// same names that insist on the system's user and would start the system's node.
fn is_rabbitmq(folder: &Path) -> bool {
    ["rabbitmq-server", "rabbitmqctl"].iter().all(|name| {
        fs::canonicalize(folder.join(name))
            .is_ok_and(|program| program.is_file() && program.ends_with(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_major_versions() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1\n"), Some(17));
        assert_eq!(parse_major("something else"), None);
    }

    #[test]
    fn missing_says_what_to_type() {
        let missing = Missing {
            packages: vec!["postgresql", "rabbitmq-server"],
        };
        assert_eq!(
            missing.to_string(),
            "the packages postgresql and rabbitmq-server are not installed; on Debian: \
             sudo apt-get install --no-install-recommends postgresql rabbitmq-server"
        );
    }
}
