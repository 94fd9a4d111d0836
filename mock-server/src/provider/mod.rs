//! Providers: who is called, what was asked, what the provider answers. One folder a provider, one line in
//! [`PROVIDERS`].

pub mod azure;
pub mod google;
mod grant;
mod input;
pub mod openai;

pub use input::{InputImage, NoImage, token_in};

use std::cell::Cell;

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::StartError;
use crate::catalogue::Catalogue;
use crate::image::{Picture, Rendered, Studio};
use crate::scenario::{Element, Order};
use crate::settings::Settings;
use crate::wire::{Answer, Marks, Request};

/// One emulated provider.
pub trait Provider: Send + Sync {
    /// The id, the same as in `fixtures/errors` and `fixtures/models`.
    fn id(&self) -> &'static str;

    /// Whether the request is for this provider.
    fn claims(&self, request: &Request) -> bool;

    /// What the provider knows as errors.
    fn catalogue(&self) -> &Catalogue;

    /// Reads what was asked, without judging it.
    fn read(&self, request: &Request) -> Call;

    /// The answer where it is no picture, so that it can be had without waiting.
    fn refusal(
        &self,
        request: &Request,
        call: &Call,
        order: &Order,
        turn: &Turn<'_>,
    ) -> Option<Answer>;

    /// Decides the answer, which may take painting; faults and holds are not the provider's business.
    fn answer(&self, request: &Request, call: &Call, order: &Order, turn: &Turn<'_>) -> Answer;

    /// Renders a condition as an error inside a stream that has sent `before` events.
    fn stream_error(
        &self,
        call: &Call,
        condition: &Element,
        before: usize,
        turn: &Turn<'_>,
    ) -> Vec<Bytes>;

    /// Renders a scenario text that cannot be used, so that an SDK shows it.
    fn scenario_error(&self, message: &str, turn: &Turn<'_>) -> Answer;
}

/// Reads the data of a provider, for a server with these settings.
pub type Loader = fn(&Settings) -> Result<Box<dyn Provider>, StartError>;

/// Every provider: its id and how it is loaded. The first that claims a request answers it; OpenAI, the last,
/// claims what nobody else does.
pub static PROVIDERS: &[(&str, Loader)] = &[
    (google::VERTEX, |_| Ok(google::Google::load_vertex()?)),
    (google::GEMINI, |_| Ok(google::Google::load_gemini()?)),
    (azure::ID, azure::Azure::load),
    (openai::ID, |_| Ok(openai::OpenAi::load()?)),
];

/// What a request asks for, in the same terms for every provider.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The provider's id.
    pub provider: &'static str,
    /// `images.generations`, …; none for a path that is no operation.
    pub operation: Option<&'static str>,
    /// How a stream of this call is framed, where the provider has several ways.
    pub framing: &'static str,
    /// The model that the body names, where the provider goes by another name.
    pub named_model: Option<String>,
    /// The credential as sent, without its scheme.
    pub credential: Option<String>,
    /// What the marks in the prompt say.
    pub marks: Marks,
    /// The prompt without marks; empty if there is none.
    pub prompt: String,
    /// The JSON body, or the text fields of a form; none where it is neither.
    pub body: Option<Map<String, Value>>,
    /// No picture is made for it, so its answer is quick.
    pub quick: bool,
    /// The images that came with it, in order.
    pub images: Vec<InputImage>,
    /// The mask of an edit.
    pub mask: Option<InputImage>,
    /// What an edit lays over its first image.
    pub markup: Option<InputImage>,
    /// What the journal shows as the body where it is not JSON.
    pub shown: Option<Value>,
    /// The provider-neutral digest of what was sent; absent means not sent.
    pub sent: Map<String, Value>,
    /// The same after the provider's defaults.
    pub effective: Map<String, Value>,
}

/// What lives as long as the server.
pub struct World {
    /// How the server was told to answer.
    pub settings: Settings,
    /// Paints and keeps pictures.
    pub studio: Studio,
    /// What `url` results begin with.
    pub public_url: String,
}

/// What belongs to one answer.
pub struct Turn<'w> {
    /// The server's data.
    pub world: &'w World,
    /// 32 hex digits, fixed by the seed and the number of the request.
    pub id: String,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// How many requests `--rate-limit` leaves in the minute; none where it does not limit them.
    pub requests_left: Option<u64>,
    /// There is no time to paint: a picture that is not kept is left empty, and this is set to true.
    pub unpainted: Option<Cell<bool>>,
}

impl<'w> Turn<'w> {
    /// The turn of the request with this number.
    #[must_use]
    pub fn new(world: &'w World, number: u64) -> Self {
        let mut id = hex_sha256(format!("{}:{number}", world.settings.seed).as_bytes());
        id.truncate(32);
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        Self {
            world,
            id,
            now,
            requests_left: None,
            unpainted: None,
        }
    }

    /// Whether a picture was left empty; the answer is then of no use.
    #[must_use]
    pub fn is_unpainted(&self) -> bool {
        self.unpainted.as_ref().is_some_and(Cell::get)
    }

    /// The id of the request as a UUID.
    #[must_use]
    pub fn uuid(&self) -> String {
        uuid(&self.id)
    }

    /// The id that a gateway in front of the API gives to the request.
    #[must_use]
    pub fn gateway_uuid(&self) -> String {
        uuid(&hex_sha256(self.id.as_bytes()))
    }

    /// Paints a picture that says which request it answers.
    #[must_use]
    pub fn paint(&self, picture: &Picture) -> Rendered {
        self.paint_for(picture, &self.id)
    }

    /// The same for the request with this id.
    #[must_use]
    pub fn paint_for(&self, picture: &Picture, id: &str) -> Rendered {
        let studio = &self.world.studio;
        let Some(unpainted) = &self.unpainted else {
            return studio.image(picture, id);
        };
        studio.kept(picture, id).unwrap_or_else(|| {
            unpainted.set(true);
            Rendered::nothing(picture.format)
        })
    }
}

/// The first 32 of these hex digits as a UUID.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| &digits[from..to];
    let (first, second, last) = (part(0, 8), part(8, 12), part(20, 32));
    format!(
        "{first}-{second}-4{}-a{}-{last}",
        part(13, 16),
        part(17, 20)
    )
}

/// The first 12 hex digits of a credential's SHA-256: comparable, and of no use to a reader.
#[must_use]
pub fn credential_label(credential: &str) -> String {
    let mut label = hex_sha256(credential.as_bytes());
    label.truncate(12);
    label
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    // Each request has several hashes; formatting byte by byte would cost more than they do.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(digits.map(|digit| char::from(DIGITS[usize::from(digit)])));
    text
}
