//! The private RabbitMQ: its own Erlang port mapper, its configuration, its start.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::config::search_path;
use crate::engine::{Keep, USER};
use crate::error::{CommandError, StartError, file_error};
use crate::node_code::NodeCode;
use crate::packages::RabbitmqPackage;
use crate::settings::{Settings, write_private};
use crate::supervised::{Plan, Supervised};

/// How long the node may take to speak AMQP; recovery of large queues is the long case.
const START_DEADLINE: Duration = Duration::from_secs(120);
/// How long the port mapper may take to listen.
const EPMD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a probing connection may take to be answered.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the node may take to end before it is killed, in tenths of a second.
const STOP_TENTHS: u32 = 300;
/// What an AMQP 0-9-1 client says first.
const AMQP_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// A method frame on channel 0: one byte of type, two of channel, four of size, two of class and
/// two of method, here `connection.start` (10, 10).
const FRAME_START_BYTES: usize = 11;
/// Below this the node would block publishers; machines for development are often nearly full.
const DISK_FREE_LIMIT: &str = "50MB";
/// The quorum queues' write-ahead log is kept in memory too; the default of 512 MiB suits servers.
const WAL_MAX_BYTES: u32 = 64 * 1024 * 1024;

/// A prepared RabbitMQ.
#[derive(Debug)]
pub(crate) struct Rabbitmq {
    package: RabbitmqPackage,
    home: PathBuf,
    log: PathBuf,
    control: PathBuf,
    keep: Keep,
    settings: Settings,
    code: Option<NodeCode>,
}

impl Rabbitmq {
    pub(crate) fn new(
        folder: &Path,
        package: &RabbitmqPackage,
        settings: &Settings,
        keep: Keep,
    ) -> Result<Self, StartError> {
        let home = folder.join("rabbitmq");
        fs::create_dir_all(&home).map_err(file_error("create", &home))?;
        let code = home.join("code");
        let code = NodeCode::link(&package.programs, &code)
            .map_err(file_error("link programs in", code))?;
        Ok(Self {
            package: package.clone(),
            home,
            log: folder.join("rabbitmq.log"),
            control: folder.join("rabbitmqctl"),
            keep,
            settings: settings.clone(),
            code,
        })
    }

    /// A script that runs `rabbitmqctl` against this node, whatever the caller's environment.
    pub(crate) fn control(&self) -> &Path {
        &self.control
    }

    /// Starts the port mapper, then the node, and waits until it speaks AMQP.
    pub(crate) fn start(&self, lock: &File) -> Result<(Supervised, Supervised), StartError> {
        self.write_files()?;
        let mut epmd = Supervised::start(self.epmd_plan(), lock)?;
        let epmd_port = self.settings.epmd_port;
        epmd.wait_until(EPMD_DEADLINE, || connect(epmd_port).is_ok())?;
        let mut node = Supervised::start(self.node_plan(), lock)?;
        let amqp_port = self.settings.amqp_port;
        node.wait_until(START_DEADLINE, || {
            speaks_amqp(amqp_port).is_ok_and(|yes| yes)
        })?;
        Ok((epmd, node))
    }

    /// Runs `rabbitmqctl` with the arguments and returns what it prints.
    pub(crate) fn run_control(&self, args: &[&str]) -> Result<String, CommandError> {
        let output = Command::new(&self.control)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| CommandError::Run {
                program: self.control.clone(),
                source,
            })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let output_text = text(&output.stdout) + &text(&output.stderr);
        Err(CommandError::Failed {
            verb: args.first().copied().unwrap_or_default().to_owned(),
            status: output.status,
            output: output_text.trim().to_owned(),
        })
    }

    fn write_files(&self) -> Result<(), StartError> {
        fs::create_dir_all(&self.home).map_err(file_error("create", &self.home))?;
        let Settings {
            cookie, password, ..
        } = &self.settings;
        // Erlang insists that only the owner can read the cookie.
        write_private(&self.home.join(".erlang.cookie"), cookie)?;
        write_private(&self.home.join("enabled_plugins"), "[].\n")?;
        let configuration = format!(
            "default_user = {USER}\n\
             default_pass = {password}\n\
             default_user_tags.administrator = true\n\
             disk_free_limit.absolute = {DISK_FREE_LIMIT}\n\
             raft.wal_max_size_bytes = {WAL_MAX_BYTES}\n"
        );
        write_private(&self.home.join("rabbitmq.conf"), &configuration)?;
        write_private(&self.control, &self.control_script())?;
        fs::set_permissions(&self.control, Permissions::from_mode(0o700))
            .map_err(file_error("make executable", &self.control))
    }

    fn control_script(&self) -> String {
        let mut script = String::from("#!/bin/sh\nexec env -i");
        for (name, value) in self.environment() {
            script.push_str(&format!(
                " \\\n  {name}={}",
                quoted(&value.to_string_lossy())
            ));
        }
        script.push_str(&format!(
            " \\\n  PATH={}",
            quoted(&search_path().to_string_lossy())
        ));
        let program = self.package.programs.join("rabbitmqctl");
        script.push_str(&format!(
            " \\\n  {} \"$@\"\n",
            quoted(&program.to_string_lossy())
        ));
        script
    }

    /// Everything that could otherwise come from the system's configuration, named.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let Settings {
            amqp_port,
            distribution_port,
            epmd_port,
            node,
            ..
        } = &self.settings;
        let inside = |name: &str| OsString::from(self.home.join(name));
        let loopback_distribution = "-kernel inet_dist_use_interface {127,0,0,1}";
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("HOME", self.home.clone().into()),
            ("LANG", "C.UTF-8".into()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            ("ERL_EPMD_PORT", epmd_port.to_string().into()),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", inside("advanced.config")),
            // With it the script becomes the Erlang machine, rather than a parent that passes
            // signals on; `-noinput` below keeps the shell away all the same.
            ("RABBITMQ_ALLOW_INPUT", "1".into()),
            ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
            ("RABBITMQ_CONFIG_FILES", inside("conf.d")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_CTL_ERL_ARGS", loopback_distribution.into()),
            ("RABBITMQ_DIST_PORT", distribution_port.to_string().into()),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("enabled_plugins")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", inside("config")),
            ("RABBITMQ_LOGS", "-".into()),
            ("RABBITMQ_LOG_BASE", inside("log")),
            ("RABBITMQ_MNESIA_BASE", inside("mnesia")),
            ("RABBITMQ_NODENAME", node.into()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODE_PORT", amqp_port.to_string().into()),
            ("RABBITMQ_PID_FILE", inside("pid")),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                loopback_distribution.into(),
            ),
            ("RABBITMQ_SERVER_START_ARGS", "-noinput".into()),
        ];
        if let Some(NodeCode { scripts, plugins }) = &self.code {
            environment.push(("RABBITMQ_SCRIPTS_DIR", scripts.into()));
            environment.push(("RABBITMQ_PLUGINS_DIR", plugins.into()));
        }
        environment
    }

    /// A port mapper of our own, in the foreground: the one that Erlang would start by itself is a
    /// daemon that stays.
    fn epmd_plan(&self) -> Plan {
        Plan {
            name: "Erlang's port mapper",
            command: vec![
                self.package.epmd.clone().into(),
                "-port".into(),
                self.settings.epmd_port.to_string().into(),
                "-address".into(),
                "127.0.0.1".into(),
            ],
            environment: Vec::new(),
            folder: self.home.clone(),
            log: self.log.with_file_name("epmd.log"),
            stop_signal: "TERM",
            stop_tenths: STOP_TENTHS,
        }
    }

    fn node_plan(&self) -> Plan {
        Plan {
            name: "RabbitMQ",
            command: vec![self.package.programs.join("rabbitmq-server").into()],
            environment: self.environment(),
            folder: self.home.clone(),
            log: self.log.clone(),
            // Data that are about to be removed need no orderly end.
            stop_signal: match self.keep {
                Keep::Data => "TERM",
                Keep::Nothing => "KILL",
            },
            stop_tenths: STOP_TENTHS,
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PROBE_TIMEOUT)
}

/// Whether an AMQP server at the port answers a client's header with `connection.start`.
fn speaks_amqp(port: u16) -> io::Result<bool> {
    let mut stream = connect(port)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(AMQP_HEADER)?;
    let mut frame = [0_u8; FRAME_START_BYTES];
    stream.read_exact(&mut frame)?;
    Ok(frame[..3] == [1, 0, 0] && frame[7..] == [0, 10, 0, 10])
}

/// A word as the shell reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive_the_shell() {
        let word = "it's {127,0,0,1} $HOME";
        let output = Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted(word))])
            .output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), word);
    }
}
