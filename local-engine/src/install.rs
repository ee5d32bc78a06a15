//! Installs missing servers with the distribution's package manager.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::account::is_root;
use crate::config::search_path;
use crate::log_tail::log_tail;
use crate::packages::Missing;

/// Installs `$@` without starting any service. Packages ask `policy-rc.d` before they start one;
/// ours refuses, and is removed however the shell ends. One that is there already is left alone.
const INSTALL_SCRIPT: &str = r#"
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update
apt-get install --yes --no-install-recommends "$@"
"#;

/// Why the packages were not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Only root may install.
    #[error("only root can install packages; {missing}")]
    NotRoot { missing: Missing },
    /// Not a Debian.
    #[error("there is no apt-get here; {missing}")]
    NoApt { missing: Missing },
    /// The log could not be written, or the shell not run.
    #[error("could not run apt-get with its output in {}", log.display())]
    Run {
        log: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The package manager reported a failure.
    #[error("apt-get failed ({status}); the end of {}:\n{tail}", log.display())]
    Failed {
        status: ExitStatus,
        log: PathBuf,
        tail: String,
    },
}

/// Whether this process may install packages, and has the means.
pub fn can_install() -> bool {
    is_root() && has_apt()
}

/// Installs what is missing, which takes root and `apt-get`, and writes all output to `log`.
///
/// No service is started, and nothing is left behind but the packages.
pub fn install(missing: &Missing, log: &Path) -> Result<(), InstallError> {
    if !is_root() {
        return Err(InstallError::NotRoot {
            missing: missing.clone(),
        });
    }
    if !has_apt() {
        return Err(InstallError::NoApt {
            missing: missing.clone(),
        });
    }
    let status = run(missing.packages(), log).map_err(|source| InstallError::Run {
        log: log.to_path_buf(),
        source,
    })?;
    if status.success() {
        Ok(())
    } else {
        let tail = log_tail(log);
        Err(InstallError::Failed {
            status,
            log: log.to_path_buf(),
            tail,
        })
    }
}

fn has_apt() -> bool {
    std::env::split_paths(&search_path()).any(|folder| folder.join("apt-get").is_file())
}

fn run(packages: &[&str], log: &Path) -> io::Result<ExitStatus> {
    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent)?;
    }
    let output = File::create(log)?;
    Command::new("sh")
        .args(["-c", INSTALL_SCRIPT, "install"])
        .args(packages)
        .env("PATH", search_path())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Ctrl-C must not leave a package half configured: the installation ends by itself.
        .process_group(0)
        .status()
}
