//! What the chain holds together, and what breaks it.

use saga_core::ids::SagaId;
use saga_core::time::Timestamp;
use uuid::Uuid;

use super::{Anchor, AuditEntry, AuditHash, AuditRecord, Broken, Chain, Phase, Standing};

fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_micros(1_795_000_000_000_000),
        request: format!("request-{number}"),
        answers: Some(number),
        phase: Phase::Done,
        who: "alice".to_owned(),
        on_behalf_of: Some("bob".to_owned()),
        role: "operator".to_owned(),
        verb: "saga.cancel".to_owned(),
        target: "019a0000-0000-7000-8000-000000000001".to_owned(),
        saga: Some(SagaId(Uuid::from_u128(0x019a_0000))),
        reason: Some("customer called".to_owned()),
        before: Some(Standing {
            state: "running".to_owned(),
            version: Some(4),
        }),
        after: Some(Standing {
            state: "compensating".to_owned(),
            version: Some(6),
        }),
        detail: None,
    }
}

fn chain(length: u64) -> Vec<AuditRecord> {
    let entries: Vec<AuditEntry> = (0..length).map(entry).collect();
    Chain::default().link(&entries)
}

fn followed(records: &[AuditRecord]) -> Result<Chain, Broken> {
    let mut chain = Chain::default();
    for record in records {
        chain.follow(record)?;
    }
    Ok(chain)
}

/// The encoding never changes: logs that were written with it must be checked for ever.
#[test]
fn the_hash_of_a_record_is_pinned() {
    let record = AuditRecord::linked(1, AuditHash::GENESIS, entry(0));
    assert_eq!(
        record.hash.to_string(),
        "ab85f7dad08cad76dd521e58f3017ada2df362592259d7eaa7c766b88a1976d9"
    );
}

#[test]
fn a_chain_that_nobody_touched_holds() {
    let records = chain(5);
    let end = followed(&records).unwrap();
    assert_eq!((end.records, end.hash), (5, records[4].hash));
    let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert_eq!(followed(&[]).unwrap(), Chain::default());
}

#[test]
fn every_field_is_covered() {
    type Change = fn(&mut AuditEntry);
    let changes: [(&str, Change); 17] = [
        ("at", |it| it.at = Timestamp::from_micros(1)),
        ("request", |it| it.request.push('x')),
        ("answers", |it| it.answers = Some(9)),
        ("no answers", |it| it.answers = None),
        ("phase", |it| it.phase = Phase::Refused),
        ("who", |it| it.who = "mallory".to_owned()),
        ("on_behalf_of", |it| it.on_behalf_of = None),
        ("role", |it| it.role = "admin".to_owned()),
        ("verb", |it| it.verb = "saga.pause".to_owned()),
        ("target", |it| it.target.push('/')),
        ("saga", |it| it.saga = None),
        ("reason", |it| it.reason = Some(String::new())),
        ("before", |it| it.before = None),
        ("before's version", |it| {
            it.before.as_mut().unwrap().version = Some(5);
        }),
        ("after", |it| {
            it.after.as_mut().unwrap().state = "completed".to_owned();
        }),
        ("detail", |it| it.detail = Some(String::new())),
        ("a text that moves to its neighbour", |it| {
            it.who = "alic".to_owned();
            it.on_behalf_of = Some("ebob".to_owned());
        }),
    ];
    for (what, change) in changes {
        let mut records = chain(3);
        change(&mut records[1].entry);
        assert_eq!(followed(&records), Err(Broken::Content(2)), "{what}");
        // With a hash that fits, the next record shows it.
        let changed = records[1].clone();
        records[1] = AuditRecord::linked(2, changed.previous, changed.entry);
        assert_eq!(followed(&records), Err(Broken::Link(3)), "{what}");
    }
}

#[test]
fn what_is_taken_out_put_in_or_exchanged_is_found() {
    let mut without_one = chain(4);
    without_one.remove(1);
    let missing = Broken::Missing {
        expected: 2,
        found: 3,
    };
    assert_eq!(followed(&without_one), Err(missing));

    let mut renumbered = chain(4);
    renumbered.remove(1);
    for (record, seq) in renumbered.iter_mut().zip(1..) {
        record.seq = seq;
    }
    assert_eq!(followed(&renumbered), Err(Broken::Link(2)));

    let mut exchanged = chain(4);
    let (second, third) = (exchanged[1].entry.clone(), exchanged[2].entry.clone());
    exchanged[1].entry = third;
    exchanged[2].entry = second;
    assert_eq!(followed(&exchanged), Err(Broken::Content(2)));

    let mut put_in = chain(4);
    let new = AuditRecord::linked(3, put_in[1].hash, entry(77));
    put_in.insert(2, new);
    for (record, seq) in put_in.iter_mut().zip(1..) {
        record.seq = seq;
    }
    assert_eq!(followed(&put_in), Err(Broken::Link(4)));
}

#[test]
fn an_anchor_shows_what_the_chain_alone_cannot() {
    let records = chain(5);
    let anchor: Anchor = Anchor(followed(&records).unwrap())
        .to_string()
        .parse()
        .unwrap();
    assert_eq!(anchor.0.records, 5);

    let cut_off = followed(&records[..3]).unwrap();
    assert_eq!(
        anchor.check_end(&cut_off),
        Err(Broken::CutOff {
            records: 3,
            anchor: 5
        })
    );
    let mut entries: Vec<AuditEntry> = (0..5).map(entry).collect();
    entries[1].who = "mallory".to_owned();
    let anew = followed(&Chain::default().link(&entries)).unwrap();
    assert_eq!(anchor.check(&anew), Err(Broken::Rewritten(5)));

    let longer = followed(&chain(6)).unwrap();
    assert_eq!(anchor.check_end(&longer), Ok(()));
    assert_eq!(anchor.check(&followed(&records).unwrap()), Ok(()));

    for bad in [
        "",
        "5",
        "5:",
        "x:00",
        "5:zz",
        &format!("5:{}é", "0".repeat(62)),
    ] {
        assert!(bad.parse::<Anchor>().is_err(), "{bad}");
    }
}

#[test]
fn what_the_table_cannot_hold_is_cut_and_not_refused() {
    let long = AuditEntry {
        who: "é".repeat(1000),
        reason: Some("a\0b".to_owned()),
        ..entry(0)
    };
    let fitted = long.fitted();
    assert_eq!(fitted.who.len(), 1024);
    assert_eq!(fitted.reason.as_deref(), Some("a?b"));
    assert_eq!(entry(0).fitted(), entry(0));
}
