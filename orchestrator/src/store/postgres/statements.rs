//! The SQL, one statement per file, each named like the function that runs it.

macro_rules! statement {
    ($file:literal) => {
        include_str!(concat!("sql/", $file, ".sql"))
    };
}

pub(super) const ADD_API_TOKEN: &str = statement!("add_api_token");
pub(super) const ADOPT_OUTBOX: &str = statement!("adopt_outbox");
pub(super) const ALIVE_ORCHESTRATORS: &str = statement!("alive_orchestrators");
pub(super) const ANNOUNCE: &str = statement!("announce");
pub(super) const API_TOKENS: &str = statement!("api_tokens");
pub(super) const APPEND_AUDIT: &str = statement!("append_audit");
pub(super) const AUDIT: &str = statement!("audit");
pub(super) const AUDIT_CHAIN: &str = statement!("audit_chain");
pub(super) const AUDIT_HEAD: &str = statement!("audit_head");
pub(super) const CHECKUP: &str = statement!("checkup");
pub(super) const CLAIM_DUE: &str = statement!("claim_due");
pub(super) const COMMIT: &str = statement!("commit");
pub(super) const COUNT_SAGAS: &str = statement!("count_sagas");
pub(super) const COUNT_UNSENT: &str = statement!("count_unsent");
pub(super) const DAYS: &str = statement!("days");
pub(super) const DAYS_TO_OPEN: &str = statement!("days_to_open");
pub(super) const DEAD_LETTER: &str = statement!("dead_letter");
pub(super) const DEAD_LETTERS: &str = statement!("dead_letters");
pub(super) const DEFINITION: &str = statement!("definition");
pub(super) const DEFINITIONS: &str = statement!("definitions");
pub(super) const DELETE_OUTBOX: &str = statement!("delete_outbox");
pub(super) const DROP_DAY: &str = statement!("drop_day");
pub(super) const FIND_KEY: &str = statement!("find_key");
pub(super) const FORGET_LETTERS: &str = statement!("forget_letters");
pub(super) const FORGET_SAGAS: &str = statement!("forget_sagas");
pub(super) const HANDLE_LETTER: &str = statement!("handle_letter");
pub(super) const HEARTBEAT: &str = statement!("heartbeat");
pub(super) const HISTORY: &str = statement!("history");
pub(super) const KEPT_LETTER: &str = statement!("kept_letter");
pub(super) const KEY_HOLDERS: &str = statement!("key_holders");
pub(super) const LAST_GOOD: &str = statement!("last_good");
pub(super) const LETTER_GROUPS: &str = statement!("letter_groups");
pub(super) const LETTERS_OF: &str = statement!("letters_of");
pub(super) const LIST: &str = statement!("list");
pub(super) const LOAD: &str = statement!("load");
pub(super) const LOAD_LOCKED: &str = statement!("load_locked");
pub(super) const KEPT_VALUES: &str = statement!("kept_values");
pub(super) const LOAD_VALUES: &str = statement!("load_values");
pub(super) const NEXT_WAKE: &str = statement!("next_wake");
pub(super) const OPEN_SAGAS: &str = statement!("open_sagas");
pub(super) const OPEN_COUNTS: &str = statement!("open_counts");
pub(super) const OPEN_DAY: &str = statement!("open_day");
pub(super) const OUTBOX_BACKLOG: &str = statement!("outbox_backlog");
pub(super) const OWN_OUTBOX: &str = statement!("own_outbox");
pub(super) const PING: &str = statement!("ping");
pub(super) const READ_BACK: &str = statement!("read_back");
pub(super) const REARM: &str = statement!("rearm");
pub(super) const REGISTER: &str = statement!("register");
pub(super) const RETIRE: &str = statement!("retire");
pub(super) const REVOKE_API_TOKEN: &str = statement!("revoke_api_token");
pub(super) const STRAYS: &str = statement!("strays");
pub(super) const UNRETIRE: &str = statement!("unretire");
pub(super) const UNSENT: &str = statement!("unsent");
pub(super) const VALUES: &str = statement!("values");
pub(super) const WORKERS: &str = statement!("workers");
