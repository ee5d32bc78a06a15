//! What a connection to RabbitMQ needs to know.

use std::fmt;
use std::time::Duration;

use super::address::{Hosts, without_password};
use crate::topology::Topology;

/// How to reach RabbitMQ and how much to have under way.
#[derive(Clone)]
pub struct RabbitSettings {
    /// `amqp://` or `amqps://` URLs of the cluster's nodes, tried in turn. A path of `/` means the
    /// virtual host `/`, like no path at all.
    pub urls: Vec<String>,
    /// The names of this deployment.
    pub topology: Topology,
    /// How it shows in RabbitMQ's list of connections.
    pub name: String,
    /// Heartbeat; a dead peer is noticed after about two.
    pub heartbeat: Duration,
    /// For one attempt to connect to one host, handshake included.
    pub connect_timeout: Duration,
    /// For the first connection in all; then [`Rabbit::connect`](super::Rabbit::connect) gives up.
    pub startup_timeout: Duration,
    /// For the broker's confirm. Then the connection is closed and what it carried is unknown.
    pub confirm_timeout: Duration,
    /// Messages without a confirm on one publishing channel.
    pub publish_window: usize,
    /// Publishing channels, each with a task and a window of its own.
    pub publish_channels: usize,
    /// Deliveries of one message before its queue dead-letters it.
    pub delivery_limit: u32,
}

impl RabbitSettings {
    /// The usual settings for these hosts.
    #[must_use]
    pub fn new(urls: Vec<String>, topology: Topology) -> Self {
        Self {
            urls,
            topology,
            name: "amends".to_owned(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            startup_timeout: Duration::from_secs(15),
            confirm_timeout: Duration::from_secs(30),
            publish_window: 256,
            publish_channels: 1,
            delivery_limit: saga_core::definition::REDELIVERIES_MAX,
        }
    }

    /// What is wrong with the URLs, in a sentence without their passwords. No host is asked.
    #[must_use]
    pub fn wrong_url(&self) -> Option<String> {
        let wrong = Hosts::parse(self).err();
        wrong.map(|failure| failure.to_string())
    }
}

impl fmt::Debug for RabbitSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.urls.iter().map(|url| without_password(url)).collect();
        f.debug_struct("RabbitSettings")
            .field("hosts", &hosts)
            .field("topology", &self.topology)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
