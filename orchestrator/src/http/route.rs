//! One way into the API: what leads there, who may go there, and what the document says of it.

use std::fmt;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::access::Access;
use super::router::Api;
use crate::auth::Role::{Admin, Operator, Viewer};

/// Makes the schema of a type.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A path with a method.
pub(super) struct Route {
    pub(super) method: Method,
    /// As the router reads it; what is in braces is a parameter.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// What generated clients call it; never changes.
    pub(super) name: &'static str,
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// An object whose properties are the parameters after the `?`.
    pub(super) query: Option<Shape>,
    /// A header that it reads, and what that is for.
    pub(super) header: Option<(&'static str, &'static str)>,
    /// It is not let in while the engine does not keep up.
    pub(super) waits_its_turn: bool,
    pub(super) body: Content,
    /// With `dry_run` in its body it only says what it would do. Nobody else's `dry_run` means
    /// anything, so this is what keeps a request out of the audit log.
    pub(super) dry_runs: bool,
    /// What it answers when all is well, by status.
    pub(super) answers: Vec<(u16, Content)>,
    pub(super) handler: MethodRouter<Api>,
}

/// What a body holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Nothing,
    Json(Shape),
    /// The same, and it may be left out.
    OptionalJson(Shape),
    /// Either of two documents.
    Either(Shape, Shape),
    /// Text of this media type.
    Text(&'static str),
    /// Server-sent events, by name.
    Events(&'static [(&'static str, Shape)]),
}

/// What is said of a route: its path, its name and its summary.
pub(super) type Said = (&'static str, &'static str, &'static str);

impl Route {
    /// For viewers, who look at something.
    pub(super) fn look<H, T>(said: Said, handler: H, answer: Content) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let way = (Method::GET, routing::get(handler));
        Self::new(way, Access::Look(Viewer), said, Content::Nothing, answer)
    }

    /// For operators; too frequent for the audit log.
    pub(super) fn change<H, T>(
        verb: &'static str,
        said: Said,
        body: Content,
        handler: H,
        answer: Content,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        Self::post(Access::Change(Operator, verb), said, body, handler, answer)
    }

    /// For operators.
    pub(super) fn operator<H, T>(
        verb: &'static str,
        said: Said,
        body: Content,
        handler: H,
        answer: Content,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        Self::post(Access::Audited(Operator, verb), said, body, handler, answer)
    }

    /// For admins.
    pub(super) fn admin<H, T>(
        verb: &'static str,
        said: Said,
        body: Content,
        handler: H,
        answer: Content,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        Self::post(Access::Audited(Admin, verb), said, body, handler, answer)
    }

    /// For those whom `access` names; what comes is in the body.
    pub(super) fn post<H, T>(
        access: Access,
        said: Said,
        body: Content,
        handler: H,
        answer: Content,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let way = (Method::POST, routing::post(handler));
        Self::new(way, access, said, body, answer)
    }

    fn new(
        (method, handler): (Method, MethodRouter<Api>),
        access: Access,
        (path, name, summary): Said,
        body: Content,
        answer: Content,
    ) -> Self {
        Self {
            method,
            path,
            access,
            name,
            summary,
            query: None,
            header: None,
            waits_its_turn: false,
            body,
            dry_runs: false,
            answers: vec![(200, answer)],
            handler,
        }
    }

    /// It changes one saga; with the filters of a listing, only while it is one of those.
    pub(super) fn changes_a_saga(&self) -> bool {
        self.access.verb().is_some() && self.path.starts_with("/v1/sagas/{saga}/")
    }
}

/// The schema of a type, by reference.
pub(super) fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of a type, in place.
pub(super) fn fields<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A body that is this type.
pub(super) const fn json<T: JsonSchema>() -> Content {
    Content::Json(shape::<T>)
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
