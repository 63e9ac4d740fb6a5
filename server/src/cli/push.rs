//! `driftless push`: events from the command line or a pipe.

use super::Failure;
use super::conversation::{Conversation, TargetArgs, failure};
use super::on_one_thread;
use bytestring::ByteString;
use driftless::wall_clock;
use driftless_core::event::{Envelope, EventId, Json, RecordId, Sequence};
use driftless_core::wire::{Ack, ClientMessage, ServerMessage};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{self, Write};
use uuid::Builder;

const EXAMPLES: &str = r#"Examples:
  driftless push --repository users --id alice '{"name":"Alice"}'
      One change to one record

  driftless push --repository users '{"_event_id":"e-1","_data_id":"alice","_data":{"name":"Alice"}}'
      An event as a client would send it; pushing it twice stores it once

  generate-changes | driftless push --repository users -
      Every JSON object that comes on stdin, in order

Prints {"eventId","serverSequence"} for each event, once it is durable."#;

/// The flags of `driftless push`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// The record that the JSON is the data of. Without it the data's own `id` is meant
    #[arg(long, value_name = "ID", value_parser = |id: &str| RecordId::new(id))]
    id: Option<RecordId>,

    /// An event (an object with `_event_id` or `eventId`), or a record's data; `-` reads any number from stdin
    #[arg(value_name = "JSON|-")]
    json: String,
}

/// Events sent before their acks are waited for.
const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    event_id: &'a str,
    server_sequence: u64,
}

pub(crate) fn run(args: &PushArgs) -> Result<(), Failure> {
    on_one_thread(async {
        let mut conversation = Conversation::open(&args.target).await?;
        if args.json == "-" {
            push_stdin(args, &mut conversation).await?;
        } else {
            let event = event(args, &args.json)?;
            push_batch(args, &mut conversation, vec![event]).await?;
        }
        conversation.close().await;
        Ok(())
    })
}

async fn push_stdin(args: &PushArgs, conversation: &mut Conversation) -> Result<(), Failure> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for object in serde_json::Deserializer::from_reader(io::stdin().lock()).into_iter::<Box<RawValue>>() {
        let object = object.map_err(|error| Failure::usage(format!("stdin is not JSON objects: {error}")))?;
        let event = event(args, object.get())?;
        bytes += event.len();
        batch.push(event);
        if batch.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
            push_batch(args, conversation, std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    push_batch(args, conversation, batch).await
}

async fn push_batch(args: &PushArgs, conversation: &mut Conversation, events: Vec<Json>) -> Result<(), Failure> {
    let mut expected = events.len();
    let repository = ByteString::from(&*args.target.repository);
    let message = ClientMessage::PushEventsBatch { repository, events };
    conversation.send(message).await?;
    while expected > 0 {
        match conversation.answer().await? {
            ServerMessage::Ack(ack) => {
                expected = expected.saturating_sub(ack.event_ids.len().max(1));
                print_ack(&ack)?;
            }
            ServerMessage::Error(error) => return Err(failure(&error)),
            _ => {}
        }
    }
    Ok(())
}

fn print_ack(ack: &Ack) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    for (id, sequence) in ack.sequences.iter().flat_map(|(_, sequences)| sequences) {
        print_line(&mut stdout, id, *sequence).map_err(|error| Failure::failed(format!("cannot write: {error}")))?;
    }
    stdout
        .flush()
        .map_err(|error| Failure::failed(format!("cannot write: {error}")))
}

fn print_line(out: &mut impl Write, id: &EventId, sequence: Sequence) -> io::Result<()> {
    let line = Line {
        event_id: id,
        server_sequence: sequence.get(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// An event as it is, or a new event around a record's data.
fn event(args: &PushArgs, text: &str) -> Result<Json, Failure> {
    let json = Json::parse(ByteString::from(text)).map_err(|error| Failure::usage(format!("{text}: {error}")))?;
    if !json.starts_with('{') {
        return Err(Failure::usage(format!(
            "{text}: an event or a record's data is a JSON object"
        )));
    }
    if args.id.is_none() && Envelope::read(&json).is_ok() {
        return Ok(json);
    }
    let id = match &args.id {
        Some(id) => json_string(id),
        None => own_id(&json)?,
    };
    let event = format!(
        r#"{{"_event_id":"{}","_operation":0,"_created_at":"{}","_data_id":{id},"_data":{json}}}"#,
        new_event_id()?,
        wall_clock(),
    );
    Json::parse(event).map_err(|error| Failure::failed(error.to_string()))
}

/// The `id` of a record's data, as JSON.
fn own_id(data: &Json) -> Result<String, Failure> {
    #[derive(serde::Deserialize)]
    struct Identified {
        id: Option<serde_json::Value>,
    }
    let found: Identified = serde_json::from_str(data).map_err(|error| Failure::usage(error.to_string()))?;
    match found.id {
        Some(serde_json::Value::String(id)) => Ok(json_string(&id)),
        Some(serde_json::Value::Number(id)) => Ok(json_string(&id.to_string())),
        _ => Err(Failure::usage("the data has no `id`: name the record with --id")),
    }
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("every text is a JSON string")
}

/// A version 7 UUID (RFC 9562 section 5.7).
fn new_event_id() -> Result<uuid::Uuid, Failure> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
    let millis = u64::try_from(wall_clock().as_millis()).unwrap_or_default();
    Ok(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
