//! Compares what a deployment needs with what the broker has, without the management plugin.
//!
//! A passive declaration says whether something is there. Declaring what is there once more changes
//! nothing, and is refused with the name of the argument that differs. Each refusal closes its
//! channel, so the channel is thrown away. Bindings cannot be seen; declaring repeats them.

use std::collections::BTreeSet;
use std::sync::Arc;

use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use super::consumer::NOT_FOUND;
use super::convert::name;
use super::declare::{PRECONDITION_FAILED, declare};
use super::plan::Item;
use super::supervisor::{Broken, Live, rpc};
use crate::broker::{BrokerError, Depth};
use crate::inspection::{Condition, Inspected, ItemKind};

/// Looks at each of these once, in their order.
pub(super) async fn inspect(
    live: &Arc<Live>,
    items: impl Iterator<Item = Item>,
) -> Result<Vec<Inspected>, BrokerError> {
    let mut looking = Looking {
        live: Arc::clone(live),
        channel: None,
    };
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for item in items {
        let (kind, called) = match &item {
            Item::Exchange { name, .. } => (ItemKind::Exchange, name.clone()),
            Item::Queue { name, .. } => (ItemKind::Queue, name.clone()),
            Item::Bind { .. } => continue,
        };
        if seen.insert((kind, called.clone())) {
            let (condition, depth) = looking.look_at(&item).await?;
            found.push(Inspected {
                kind,
                name: called,
                condition,
                depth,
            });
        }
    }
    if let Some(channel) = looking.channel {
        let _closed = rpc(channel.close(200, "OK".into())).await;
    }
    Ok(found)
}

struct Looking {
    live: Arc<Live>,
    /// The one in use; gone after a refusal.
    channel: Option<Channel>,
}

impl Looking {
    async fn look_at(&mut self, item: &Item) -> Result<(Condition, Option<Depth>), BrokerError> {
        let channel = self.channel().await?;
        let depth = match passive(&channel, item).await {
            Ok(depth) => depth,
            Err(error) => {
                let condition = self.refused(&error)?;
                return Ok((condition, None));
            }
        };
        match declare(&channel, item).await {
            Ok(()) => Ok((Condition::Fine, depth)),
            Err(error) => Ok((self.refused(&error)?, depth)),
        }
    }

    async fn channel(&mut self) -> Result<Channel, BrokerError> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let opened = self.live.channel().await;
        let channel = opened.map_err(|_| BrokerError::Unavailable)?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }

    /// What a refusal says about the thing; without one the connection is gone.
    fn refused(&mut self, error: &Broken) -> Result<Condition, BrokerError> {
        self.channel = None;
        self.live.suspect();
        match error.code() {
            Some(NOT_FOUND) => Ok(Condition::Missing),
            Some(PRECONDITION_FAILED) => Ok(Condition::Different(error.reply_text())),
            Some(_) => Ok(Condition::Unknown(error.reply_text())),
            None => Err(BrokerError::Unavailable),
        }
    }
}

/// Whether it is there, and how full it is.
async fn passive(channel: &Channel, item: &Item) -> Result<Option<Depth>, Broken> {
    match item {
        Item::Exchange {
            name: called, kind, ..
        } => {
            let options = ExchangeDeclareOptions {
                passive: true,
                ..Default::default()
            };
            let none = FieldTable::default();
            rpc(channel.exchange_declare(name(called), kind.clone(), options, none)).await?;
            Ok(None)
        }
        Item::Queue { name: called, .. } => {
            let options = QueueDeclareOptions {
                passive: true,
                ..Default::default()
            };
            let look = channel.queue_declare(name(called), options, FieldTable::default());
            let found = rpc(look).await?;
            Ok(Some(Depth {
                messages: found.message_count(),
                consumers: found.consumer_count(),
            }))
        }
        // Nothing in the protocol shows a binding.
        Item::Bind { .. } => Ok(None),
    }
}
