//! Does what its event says, {"do": …}: the same in every language.

mod surroundings;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use lambda_runtime::streaming::{self, Body};
use lambda_runtime::{
    Context, Diagnostic, Error, FunctionResponse, LambdaEvent, service_fn, tracing,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

const PIECE: usize = 8 << 20;

static COUNT: AtomicU64 = AtomicU64::new(0);
static HELD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    r#do: String,
    value: Value,
    names: Vec<String>,
    size: usize,
    text: String,
    message: String,
    level: String,
    ms: u64,
    mb: usize,
    status: i32,
    lines: Vec<String>,
    host: String,
    command: String,
    pieces: Vec<String>,
    times: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Value(Value),
    /// No JSON: its keys are no text.
    Table(HashMap<(u8, u8), u8>),
}

type Response = FunctionResponse<Answer, Body>;

async fn handle(event: LambdaEvent<Event>) -> Result<Response, Diagnostic> {
    let (event, context) = event.into_parts();
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let value = match event.r#do.as_str() {
        "echo" => event.value,
        "context" => tell(&context),
        "count" => json!(count),
        "environment" => surroundings::environment(event.names),
        "big" => json!("x".repeat(event.size)),
        "size" => json!(event.text.len()),
        "fail" => return Err(troublemaker(event.message).into()),
        "custom" => return Err(NoSuchLuck(event.message).into()),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(event.ms)).await;
            json!("slept")
        }
        "allocate" => allocate(event.mb),
        "exit" => std::process::exit(event.status),
        "print" => {
            println!("{}", event.lines.join("\n"));
            json!("printed")
        }
        "log" => log(&event.level, &event.message),
        "unserializable" => return Ok(buffered(Answer::Table([((1, 2), 3)].into()))),
        "files" => surroundings::use_files()?,
        "clock" => surroundings::tell_the_time(),
        "text" => json!({"encoding": "UTF-8", "length": event.text.chars().count()}),
        "resolve" => surroundings::resolve(&event.host),
        "tls" => surroundings::count_authorities()?,
        "child" => surroundings::run_child(&event.command).await?,
        "sigterm" => say_goodbye_on_sigterm()?,
        "layer" => json!(std::fs::read_to_string("/opt/luck")?),
        "stream" => return Ok(stream(event.pieces, event.times)),
        _ => return Err("no such thing to do".into()),
    };
    Ok(buffered(Answer::Value(value)))
}

/// An error of the function's own.
struct NoSuchLuck(String);

impl From<NoSuchLuck> for Diagnostic {
    fn from(error: NoSuchLuck) -> Self {
        Diagnostic {
            error_type: "NoSuchLuck".into(),
            error_message: error.0,
        }
    }
}

fn buffered(answer: Answer) -> Response {
    FunctionResponse::BufferedResponse(answer)
}

fn tell(context: &Context) -> Value {
    let remaining = context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let function = &context.env_config;
    json!({
        "request_id": context.request_id,
        "function_name": function.function_name,
        "version": function.version,
        "arn": context.invoked_function_arn,
        "memory": function.memory,
        "log_group": function.log_group,
        "log_stream": function.log_stream,
        "remaining_ms": remaining.as_millis() as u64,
    })
}

fn troublemaker(message: String) -> Error {
    message.into()
}

fn allocate(mb: usize) -> Value {
    let mut held = HELD.lock().unwrap();
    while held.len() * PIECE < mb << 20 {
        held.push(vec![1; PIECE]);
    }
    json!("held")
}

fn log(level: &str, message: &str) -> Value {
    match level {
        "WARN" => tracing::warn!("{message}"),
        _ => tracing::info!("{message}"),
    }
    json!("logged")
}

fn say_goodbye_on_sigterm() -> Result<Value, std::io::Error> {
    let mut terminations = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminations.recv().await;
        println!("goodbye");
        std::process::exit(1);
    });
    Ok(json!("ready"))
}

fn stream(pieces: Vec<String>, times: usize) -> Response {
    let (mut sender, body) = streaming::channel();
    tokio::spawn(async move {
        for piece in std::iter::repeat_n(pieces, times).flatten() {
            if sender.send_data(piece.into()).await.is_err() {
                return; // nobody reads on
            }
        }
    });
    FunctionResponse::StreamingResponse(body.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    lambda_runtime::run(service_fn(handle)).await
}
