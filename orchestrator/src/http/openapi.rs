//! The API's document: `OpenAPI` 3.1, made of the routes and of the types that they read and write.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::access::Access;
use super::problem::Problem;
use super::problem_kind::Kind;
use super::route::{Content, Route, Shape, shape};
use super::router::BODY_BYTES_MAX;
use super::routes::routes;
use super::selection;
use crate::auth::Role;

/// What callers are known by.
const BEARER: &str = "bearer";

/// Where the schemas of the types are.
const SCHEMAS: &str = "/components/schemas";

/// The document, as text. It is the same for the life of a build.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    // Writing to memory cannot fail: every key is a string.
    let text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text + "\n"
});

/// The document as it is served at `/openapi.json`.
#[must_use]
pub fn openapi() -> &'static str {
    &TEXT
}

pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi()).into_response()
}

fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = SCHEMAS.into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let described = operation(&route, &mut generator);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_lowercase()] = described;
    }
    let problem = shape::<Problem>(&mut generator);
    let problem = json!({"application/problem+json": {"schema": problem}});
    let mut schemas = generator.take_definitions(true);
    for schema in schemas.values_mut() {
        if let Ok(schema) = schema.try_into() {
            plain(schema);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "amends",
            "version": "1",
            "description": about(),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {"description": problems(), "content": problem},
                "Unauthorized": {
                    "description": "Nobody knows who asks; `WWW-Authenticate` says what is wrong.",
                    "content": problem,
                },
                "Forbidden": {
                    "description": "Who asks may not do that, or not from there.",
                    "content": problem,
                },
                "Overload": {
                    "description": "More comes than is kept up with. Nothing was done; the same \
                                    again, with the same key, is safe.",
                    "headers": {"Retry-After": {
                        "description": "When to come again, in seconds.",
                        "required": true,
                        "schema": {"type": "integer", "minimum": 1},
                    }},
                    "content": problem,
                },
            },
            "securitySchemes": {BEARER: {
                "type": "http",
                "scheme": "bearer",
                "description": "A token that `amends token create` made, or a JWT of the identity \
                                provider. Each operation names the role that it takes; `viewer` is \
                                the least, `operator` may do what that may, and `admin` everything. \
                                Where nobody is asked who they are, none is sent.",
            }},
        },
    })
}

fn about() -> String {
    format!(
        "The API of an amends orchestrator.\n\n\
         Every error is a problem document (RFC 9457) with a stable `code`. A request body has at \
         most {BODY_BYTES_MAX} bytes. Unknown fields and parameters are refused. A listing that has \
         a `next_cursor` goes on when that is passed as `cursor`, with the same filters; a cursor \
         says nothing else. A verb on one saga takes the filters of the listing: it is done while \
         the saga is one of those, and else refused with 412. `X-Request-Id` names a request, and \
         is in every answer. Times are RFC 3339. New fields may appear in answers at any time."
    )
}

/// What `code` can be.
fn problems() -> String {
    let rows = Kind::ALL.iter().map(|kind| {
        let (status, code) = (kind.status().as_u16(), kind.code());
        format!("| {status} | `{code}` | {} |\n", kind.title())
    });
    let rows: String = rows.collect();
    format!("It did not work.\n\n| status | code | |\n|---|---|---|\n{rows}")
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = path_parameters(route.path);
    let still: Shape = selection::still;
    let filters = route.changes_a_saga().then_some(still);
    if let Some(query) = route.query.or(filters) {
        parameters.extend(query_parameters(query(generator)));
    }
    if let Some((name, what)) = route.header {
        let schema = json!({"type": "string"});
        parameters
            .push(json!({"name": name, "in": "header", "description": what, "schema": schema}));
    }
    let mut answers = Map::new();
    for (status, content) in &route.answers {
        let mut answer = json!({"description": route.summary});
        put(&mut answer, "content", media(content, generator));
        answers.insert(status.to_string(), answer);
    }
    let mut denials: &[(&str, &str)] = &[("401", "Unauthorized"), ("403", "Forbidden")];
    if route.access.role().is_none() {
        denials = &[];
    }
    let mut overload: &[(&str, &str)] = &[];
    if route.waits_its_turn {
        overload = &[("429", "Overload")];
    }
    let problems = denials.iter().chain(overload);
    for (status, name) in problems.chain(&[("default", "Problem")]) {
        let response = json!({"$ref": format!("#/components/responses/{name}")});
        answers.insert((*status).to_owned(), response);
    }
    let mut described = json!({
        "operationId": route.name,
        "summary": route.summary,
        "description": permission(route.access),
        "security": security(route.access),
        "responses": answers,
    });
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    let mut body = json!({"required": !matches!(route.body, Content::OptionalJson(_))});
    if let content @ Some(_) = media(&route.body, generator) {
        put(&mut body, "content", content);
        described["requestBody"] = body;
    }
    described
}

/// Who may, in words.
fn permission(access: Access) -> String {
    match access {
        Access::Open => "Anybody may, without a token.".to_owned(),
        Access::Metrics => {
            "Takes the role `viewer`, unless the settings open it to anybody.".to_owned()
        }
        Access::Look(role) => format!("Takes the role `{role}`."),
        Access::Change(role, verb) => {
            format!("Takes the role `{role}`. An event of the saga has it (`{verb}`).")
        }
        Access::Audited(role, verb) => {
            format!("Takes the role `{role}`. The audit log has it (`{verb}`).")
        }
    }
}

/// The same for programs: each entry is enough.
fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Metrics => json!([{BEARER: [Role::Viewer.as_str()]}, {}]),
        Access::Look(role) | Access::Change(role, _) | Access::Audited(role, _) => {
            json!([{BEARER: [role.as_str()]}])
        }
    }
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[name] = value;
    }
}

/// A body by its media type.
fn media(content: &Content, generator: &mut SchemaGenerator) -> Option<Value> {
    let json_of = |schema: Value| Some(json!({"application/json": {"schema": schema}}));
    match content {
        Content::Nothing => None,
        Content::Json(shape) | Content::OptionalJson(shape) => json_of(shape(generator).into()),
        Content::Either(one, other) => {
            let (one, other) = (one(generator), other(generator));
            json_of(json!({"anyOf": [one, other]}))
        }
        Content::Text("application/json") => json_of(json!({"type": "object"})),
        Content::Text(kind) => Some(json!({*kind: {"schema": {"type": "string"}}})),
        Content::Events(events) => {
            let events: Map<String, Value> = events
                .iter()
                .map(|(name, shape)| ((*name).to_owned(), shape(generator).into()))
                .collect();
            let what = "Server-sent events. `x-events` has the schema of each event's data by the \
                        event's name; `id` is the place in the history.";
            let schema = json!({"type": "string", "description": what, "x-events": events});
            Some(json!({"text/event-stream": {"schema": schema}}))
        }
    }
}

/// What is in braces.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let what = match name {
                "saga" => "Id of a saga.",
                "step" => "Name of a step, or `step[element]`.",
                "letter" => "Id of a dead letter.",
                "worker" => "Id of a worker; its slash is written as `%2F`.",
                "name" => "Name of a definition.",
                "version" => "Its semantic version; to show one also `latest`.",
                other => other,
            };
            let schema = json!({"type": "string"});
            json!({
                "name": name, "in": "path", "required": true, "description": what, "schema": schema,
            })
        })
        .collect()
}

/// The fields of an object as parameters.
fn query_parameters(mut fields: Schema) -> Vec<Value> {
    plain(&mut fields);
    let required = fields.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        let names = required.as_array();
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let Some(Value::Object(properties)) = fields.remove("properties") else {
        return Vec::new();
    };
    properties
        .into_iter()
        .map(|(name, mut schema)| {
            let what = schema
                .as_object_mut()
                .and_then(|it| it.remove("description"));
            let required = is_required(&name);
            let mut parameter = json!({
                "name": name, "in": "query", "required": required, "schema": never_null(schema),
            });
            put(&mut parameter, "description", what);
            parameter
        })
        .collect()
}

/// A parameter is there or not; it cannot be null.
fn never_null(mut schema: Value) -> Value {
    if let Some(Value::Array(any)) = schema.get("anyOf")
        && let Some(one) = any.iter().find(|one| one["type"] != "null")
    {
        return one.clone();
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|it| it != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    schema
}

/// Takes the marks of Rust's documentation out of the descriptions.
fn plain(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text
            .replace("[`", "`")
            .replace("`]", "`")
            .replace('\n', " ");
    }
    let mut deeper = |schema: &mut Schema| plain(schema);
    transform_subschemas(&mut deeper, schema);
}
