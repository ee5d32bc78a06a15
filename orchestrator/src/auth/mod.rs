//! Who may use the API: tokens of our own, and those of an identity provider.

mod api_token;
mod caller;
mod gate;
mod keys;
mod latest;
mod loopback;
mod oidc;
mod role;
mod token_book;

pub use api_token::{
    API_TOKENS_MAX, ApiToken, TOKEN_NAME_BYTES_MAX, TOKEN_PREFIX, TokenHash, TokenSecret,
};
pub use caller::{Caller, NO_ROLE};
pub use gate::{AuthSettings, Denied, Gate};
pub use keys::{KeySource, KeysError};
pub use loopback::is_loopback;
pub use oidc::OidcSettings;
pub use role::Role;
