//! The account under which PostgreSQL runs, since it refuses to run as root.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::config::search_path;
use crate::error::{StartError, file_error, run_error};

/// Accounts that can run PostgreSQL for root, best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Whose rights a server runs with.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// Our own.
    Own,
    /// Another user's, taken on by root.
    Other { uid: u32, gid: u32 },
}

/// Whether this process has root's rights.
pub(crate) fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

impl Account {
    /// Our own account, or an unprivileged one when we are root.
    pub(crate) fn unprivileged() -> Result<Self, StartError> {
        if !is_root() {
            return Ok(Self::Own);
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| {
                Some(Self::Other {
                    uid: id(&["-u", name])?,
                    gid: id(&["-g", name])?,
                })
            })
            .ok_or(StartError::NoAccount)
    }

    /// The words to put before a command so that it runs under this account.
    pub(crate) fn prefix(&self) -> Vec<String> {
        match self {
            Self::Own => Vec::new(),
            Self::Other { uid, gid } => vec![
                "setpriv".to_owned(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
            ],
        }
    }

    /// A command that runs under this account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let prefix = self.prefix();
        let mut command = match prefix.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.env("PATH", search_path()).stdin(Stdio::null());
        command
    }

    /// Hands a file or folder over to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), StartError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                chown(path, Some(*uid), Some(*gid)).map_err(file_error("change the owner of", path))
            }
        }
    }

    /// Whether this account can enter the folder, which takes the right to pass every parent.
    pub(crate) fn can_enter(&self, folder: &Path) -> Result<bool, StartError> {
        let status = self.command("test").arg("-x").arg(folder).status();
        Ok(status.map_err(run_error("test"))?.success())
    }
}

fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id")
        .args(args)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
