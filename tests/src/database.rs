//! A database of its own for each test.

use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

/// A fresh database on the test server. It goes with the server.
#[derive(Debug)]
pub struct Database {
    /// Its URL.
    pub url: String,
    client: Client,
}

impl Database {
    /// Creates one.
    pub async fn create() -> Self {
        let server = crate::config::postgres_url();
        let name = format!("t{}", Uuid::now_v7().simple());
        connect(&server)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("create a database for the test");
        let (before, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{before}/{name}");
        let client = connect(&url).await;
        Self { url, client }
    }

    /// The rows of a query.
    pub async fn query(&self, sql: &str) -> Vec<Row> {
        self.client
            .query(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Locks a table against everybody, on a connection of its own, until the lock is dropped.
    pub async fn lock(&self, table: &str) -> TableLock {
        let client = connect(&self.url).await;
        client
            .batch_execute(&format!(
                "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
            ))
            .await
            .unwrap_or_else(|error| panic!("lock {table}: {error:?}"));
        TableLock { _client: client }
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        self.client
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The one text of a query.
    pub async fn text(&self, sql: &str) -> String {
        let rows = self.query(sql).await;
        rows.first()
            .unwrap_or_else(|| panic!("{sql}: no row"))
            .get(0)
    }

    /// The one number of a query.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql).await;
        rows.first()
            .unwrap_or_else(|| panic!("{sql}: no row"))
            .get(0)
    }
}

/// A locked table. Dropped, its connection ends, and the lock with it.
#[derive(Debug)]
pub struct TableLock {
    _client: Client,
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("connect to the test database");
    tokio::spawn(async move {
        // It ends with its client, or with the server at the end of the tests.
        let _ended = connection.await;
    });
    client
}
