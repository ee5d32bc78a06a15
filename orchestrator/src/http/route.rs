//! One way into the API: what leads there, and what the document says of it.

use std::fmt;

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::router::Api;

/// Makes the schema of a type.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A path with a method.
pub(super) struct Route {
    pub(super) method: Method,
    /// As the router reads it; what is in braces is a parameter.
    pub(super) path: &'static str,
    /// What generated clients call it; never changes.
    pub(super) name: &'static str,
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// An object whose properties are the parameters after the `?`.
    pub(super) query: Option<Shape>,
    /// A header that it reads, and what that is for.
    pub(super) header: Option<(&'static str, &'static str)>,
    pub(super) body: Content,
    /// What it answers when all is well, by status.
    pub(super) answers: Vec<(u16, Content)>,
    pub(super) handler: MethodRouter<Api>,
}

/// The methods that the API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
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
    /// A way to look at something.
    pub(super) fn get<H, T>(said: Said, handler: H, answer: Content) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let handler = routing::get(handler);
        Self::new(Method::Get, said, Content::Nothing, answer, handler)
    }

    /// A way to change something.
    pub(super) fn post<H, T>(said: Said, body: Content, handler: H, answer: Content) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let handler = routing::post(handler);
        Self::new(Method::Post, said, body, answer, handler)
    }

    fn new(
        method: Method,
        (path, name, summary): Said,
        body: Content,
        answer: Content,
        handler: MethodRouter<Api>,
    ) -> Self {
        Self {
            method,
            path,
            name,
            summary,
            query: None,
            header: None,
            body,
            answers: vec![(200, answer)],
            handler,
        }
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

impl Method {
    /// As the document writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}
