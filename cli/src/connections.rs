//! Connects to the servers that the settings name.

use std::sync::Arc;

use broker::broker::Broker;
use broker::rabbit::{Rabbit, RabbitSettings};
use broker::topology::Topology;
use orchestrator::store::{PostgresSettings, PostgresStore, Store};
use uuid::Uuid;

use crate::config::Settings;
use crate::failure::Failure;

/// The orchestrator's database; its schema must be current.
pub async fn store(settings: &Settings) -> Result<Arc<dyn Store>, Failure> {
    let store = PostgresStore::connect(postgres(settings))
        .await
        .map_err(|error| Failure::because("cannot use the orchestrator's database", &error))?;
    Ok(Arc::new(store))
}

/// How to reach the orchestrator's database.
pub fn postgres(settings: &Settings) -> PostgresSettings {
    PostgresSettings {
        pool_size: settings.postgres.pool_size,
        ..PostgresSettings::new(&settings.postgres.url, Uuid::now_v7())
    }
}

/// The broker.
pub async fn broker(settings: &Settings, name: &str) -> Result<Arc<dyn Broker>, Failure> {
    let rabbit = RabbitSettings {
        name: name.to_owned(),
        delivery_limit: settings.broker.delivery_limit,
        ..RabbitSettings::new(settings.broker_urls(), topology(settings))
    };
    let rabbit = Rabbit::connect(rabbit)
        .await
        .map_err(|error| Failure::because("cannot use the broker", &error))?;
    Ok(Arc::new(rabbit))
}

/// Names on the broker.
pub fn topology(settings: &Settings) -> Topology {
    Topology::new(&settings.broker.prefix)
}
