//! The part of an installed RabbitMQ that a node without plugins runs.
//!
//! Erlang looks for each module in every folder of its path, and RabbitMQ puts the folders of all
//! plugins that are installed there, enabled or not. With those it needs alone a node starts in
//! about half the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The application that is the broker.
const BROKER: &str = "rabbit";

/// A copy of an installation that is made of links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeCode {
    /// RabbitMQ's own scripts.
    pub(crate) scripts: PathBuf,
    /// The broker, and what it depends on.
    pub(crate) plugins: PathBuf,
}

impl NodeCode {
    /// Makes the copy in `folder`, in place of an earlier one. `None` when the installation is not
    /// laid out as expected; it then runs as it is.
    pub(crate) fn link(programs: &Path, folder: &Path) -> io::Result<Option<Self>> {
        let server = fs::canonicalize(programs.join("rabbitmq-server"))?;
        let Some(home) = server.parent().and_then(Path::parent) else {
            return Ok(None);
        };
        let installed = home.join("plugins");
        let needed = needed(&applications(&installed)?);
        if needed.is_empty() {
            return Ok(None);
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let code = Self {
            scripts: folder.join("sbin"),
            plugins: folder.join("plugins"),
        };
        fs::create_dir_all(&code.plugins)?;
        for name in ["sbin", "escript"] {
            symlink(home.join(name), folder.join(name))?;
        }
        for name in needed {
            symlink(installed.join(&name), code.plugins.join(&name))?;
        }
        Ok(Some(code))
    }
}

/// An installed application: its folder's name, and the names of those it depends on.
#[derive(Debug)]
struct Application {
    folder: String,
    dependencies: Vec<String>,
}

/// The applications in the folder of plugins; empty when there is no such folder.
fn applications(plugins: &Path) -> io::Result<BTreeMap<String, Application>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(plugins) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let folder = entry.file_name().to_string_lossy().into_owned();
        let name = folder.split('-').next().unwrap_or(&folder).to_owned();
        let description = entry.path().join("ebin").join(format!("{name}.app"));
        if let Ok(text) = fs::read_to_string(description) {
            found.insert(
                name,
                Application {
                    folder,
                    dependencies: dependencies(&text),
                },
            );
        }
    }
    Ok(found)
}

/// The names in `{applications, [kernel, stdlib, …]}` of an application's description.
fn dependencies(description: &str) -> Vec<String> {
    let list = description
        .split_once("{applications,")
        .map_or("", |(_, rest)| rest);
    let list = list.split(']').next().unwrap_or_default();
    let names = list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The folders of the broker and of everything it depends on, directly or not. What is not among
/// the plugins comes with Erlang.
fn needed(applications: &BTreeMap<String, Application>) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    let mut open = vec![BROKER];
    while let Some(name) = open.pop() {
        if let Some(application) = applications.get(name)
            && folders.insert(application.folder.clone())
        {
            open.extend(application.dependencies.iter().map(String::as_str));
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(folder: &str, dependencies: &[&str]) -> Application {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Application {
            folder: folder.to_owned(),
            dependencies,
        }
    }

    #[test]
    fn reads_an_application_description() {
        let text = "{application, 'rabbit', [\n\t{vsn, \"3.10.8\"},\n\t{applications, [kernel,\
                    'ra' , rabbit_common]},\n\t{optional_applications, [other]}\n]}.";
        assert_eq!(dependencies(text), ["kernel", "ra", "rabbit_common"]);
        assert!(dependencies("nothing of the kind").is_empty());
    }

    #[test]
    fn follows_dependencies_and_leaves_the_rest() {
        let mut applications = BTreeMap::new();
        applications.insert(
            "rabbit".to_owned(),
            application("rabbit-3", &["kernel", "ra"]),
        );
        applications.insert("ra".to_owned(), application("ra-2", &["aten", "rabbit"]));
        applications.insert("aten".to_owned(), application("aten-1", &[]));
        applications.insert("shovel".to_owned(), application("shovel-3", &["rabbit"]));
        let needed: Vec<String> = needed(&applications).into_iter().collect();
        assert_eq!(needed, ["aten-1", "ra-2", "rabbit-3"]);
    }
}
