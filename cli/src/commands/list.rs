//! `amends saga list`: sagas, or what is stuck by cause.

use orchestrator::http::{PageView, SagaView};
use orchestrator::store::PAGE_ROWS_MAX;

use super::explain;
use crate::args::ListArgs;
use crate::client::encode_query;
use crate::failure::Outcome;
use crate::filter_args::ANY_CAUSE;
use crate::{clock, output, timeline};

/// Rows when nobody says how many.
const ROWS: u32 = 50;

/// Where the name of a saga's definition is in the table, and its key: both are as long as somebody
/// liked.
const NAME_COLUMN: usize = 1;
const KEY_COLUMN: usize = 4;

/// Lists sagas, newest first.
pub(super) async fn list(args: &ListArgs) -> Outcome {
    if args.filter.stuck.as_deref() == Some(ANY_CAUSE) {
        return explain::stuck(args).await;
    }
    let client = args.server.client()?;
    let query = args.filter.query()?;
    let mut whole = PageView {
        sagas: Vec::new(),
        next_cursor: args.cursor.clone(),
    };
    let mut left = args.limit.unwrap_or(ROWS);
    // What the store cannot tell is sorted out page by page, so a page can be short, or empty.
    loop {
        let mut query = query.clone();
        query.push(("limit", left.min(PAGE_ROWS_MAX).to_string()));
        query.extend(whole.next_cursor.take().map(|cursor| ("cursor", cursor)));
        let path = format!("/v1/sagas?{}", encode_query(&query));
        let page: PageView = client.get(&path).await?;
        let rows = u32::try_from(page.sagas.len()).unwrap_or(u32::MAX);
        whole.sagas.extend(page.sagas);
        whole.next_cursor = page.next_cursor;
        left = left.saturating_sub(rows);
        if left == 0 || whole.next_cursor.is_none() {
            break;
        }
    }
    output::page(args.server.output, &whole, &whole.sagas, |wide| {
        let mut text = match whole.sagas.as_slice() {
            [] => "no sagas\n".to_owned(),
            sagas => table(sagas, wide),
        };
        if let Some(cursor) = &whole.next_cursor {
            text.push_str(&format!("more: --cursor {cursor}\n"));
        }
        text
    })
}

fn table(sagas: &[SagaView], wide: bool) -> String {
    let mut head = vec!["ID", "SAGA", "STATUS", "AGE", "KEY"];
    if wide {
        head.extend(["STARTED", "TOOK", "AT", "CAUSE"]);
    }
    let rows: Vec<_> = sagas.iter().map(|saga| row(saga, wide)).collect();
    if wide {
        return output::table(&head, &rows);
    }
    output::narrow_table(&head, &rows, &[NAME_COLUMN, KEY_COLUMN])
}

fn row(saga: &SagaView, wide: bool) -> Vec<String> {
    let mut cells = vec![
        saga.id.clone(),
        format!("{} {}", saga.definition, saga.version),
        saga.status.to_string(),
        timeline::short(clock::now().since(saga.started_at)),
        saga.key.clone().unwrap_or_default(),
    ];
    if wide {
        let started = saga.started_at.to_string();
        let took = saga
            .ended_at
            .map_or_else(String::new, |at| timeline::short(at.since(saga.started_at)));
        cells.push(started.get(..19).unwrap_or(&started).replace('T', " "));
        cells.push(took);
        cells.push(saga.at.join(" "));
        cells.push(saga.cause.clone().unwrap_or_default());
    }
    cells
}
