//! The native functions behind what JavaScript has elsewhere but not in its engine: encodings,
//! addresses, random numbers, time zones. Its other half is in `library/`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Exception, Function, Object, Promise, Result, TypedArray, Value};
use unicode_segmentation::UnicodeSegmentation;
use url::{Url, quirks};
use uuid::Uuid;

use super::digest;

/// How traces name these sources; scripts' errors do not show it.
const FILE: &str = "<builtin>";

const SOURCES: [(&str, &str); 13] = [
    ("inspect", include_str!("library/inspect.js")),
    ("encoding", include_str!("library/encoding.js")),
    ("clone", include_str!("library/clone.js")),
    ("url", include_str!("library/url.js")),
    ("events", include_str!("library/events.js")),
    ("buffer", include_str!("library/buffer.js")),
    ("hash", include_str!("library/hash.js")),
    ("assert", include_str!("library/assert.js")),
    ("streams", include_str!("library/streams.js")),
    ("node", include_str!("library/node.js")),
    ("modules", include_str!("library/modules.js")),
    ("imports", include_str!("library/imports.js")),
    ("intl", INTL),
];

const INTL: &str = concat!(
    "(",
    include_str!("library/intl.js"),
    ")(",
    include_str!("library/intl/locales.json"),
    ",[",
    include_str!("library/intl/common.js"),
    ",",
    include_str!("library/intl/units.js"),
    ",",
    include_str!("library/intl/numbers.js"),
    ",",
    include_str!("library/intl/dates.js"),
    ",",
    include_str!("library/intl/order.js"),
    ",",
    include_str!("library/intl/texts.js"),
    "])"
);

/// Evaluates a source of this program.
pub(super) fn evaluate<'js>(ctx: &Ctx<'js>, source: &str) -> Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(FILE.into());
    ctx.eval_with_options(source, options)
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, native: &Object<'js>) -> Result<()> {
    let load = |ctx: Ctx<'js>, name: String| load(&ctx, &name);
    native.set("load", Function::new(ctx.clone(), load)?)?;
    let promise = |ctx: Ctx<'js>, value: Promise<'js>| promise(&ctx, &value);
    native.set("promise", Function::new(ctx.clone(), promise)?)?;
    let zone = |name: String| zone(&name);
    native.set("zone", Function::new(ctx.clone(), zone)?)?;
    let offset = |ctx: Ctx<'js>, zone: String, at: f64| offset(&ctx, &zone, at);
    native.set("offset", Function::new(ctx.clone(), offset)?)?;
    install_encodings(ctx, native)?;
    install_addresses(ctx, native)
}

fn install_encodings<'js>(ctx: &Ctx<'js>, native: &Object<'js>) -> Result<()> {
    let encode = |ctx: Ctx<'js>, text: String| TypedArray::<u8>::new_copy(ctx, text.as_bytes());
    native.set("encode", Function::new(ctx.clone(), encode)?)?;
    let encoding = |label: String| encoding(&label);
    native.set("encoding", Function::new(ctx.clone(), encoding)?)?;
    let is_multibyte = |label: String| is_multibyte(&label);
    native.set("isMultibyte", Function::new(ctx.clone(), is_multibyte)?)?;
    let decode =
        |ctx: Ctx<'js>, label: String, bytes: String, must_be_valid: bool, keeps_mark: bool| {
            decode(&ctx, &label, &bytes, must_be_valid, keeps_mark)
        };
    native.set("decode", Function::new(ctx.clone(), decode)?)?;
    let digest = |algorithm: String, bytes: String, key: Option<String>| {
        let key = key.map(|key| from_base64(&key));
        digest::digest(&algorithm, &from_base64(&bytes), key.as_deref())
    };
    let digest = move |ctx: Ctx<'js>, algorithm: String, bytes: String, key: Option<String>| {
        let bytes = digest(algorithm, bytes, key);
        bytes.map(|bytes| TypedArray::<u8>::new_copy(ctx, bytes)).transpose()
    };
    native.set("digest", Function::new(ctx.clone(), digest)?)?;
    let segments = |text: String, granularity: String| segments(&text, &granularity);
    native.set("segments", Function::new(ctx.clone(), segments)?)?;
    let random_uuid = || Uuid::new_v4().to_string();
    native.set("randomUuid", Function::new(ctx.clone(), random_uuid)?)?;
    let random = |ctx: Ctx<'js>, count: usize| random(&ctx, count);
    native.set("random", Function::new(ctx.clone(), random)?)
}

fn install_addresses<'js>(ctx: &Ctx<'js>, native: &Object<'js>) -> Result<()> {
    let parse = |address: String, base: Option<String>| parse_url(&address, base.as_deref());
    native.set("parseUrl", Function::new(ctx.clone(), parse)?)?;
    let change = |url: String, part: String, value: String| change_url(&url, &part, &value);
    native.set("changeUrl", Function::new(ctx.clone(), change)?)
}

fn load<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let source = SOURCES.iter().find(|(known, _)| *known == name);
    let (_, source) = source.ok_or_else(|| Exception::throw_message(ctx, "no such part"))?;
    evaluate(ctx, source)
}

/// A promise's state and what it was settled with.
fn promise<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> Result<Array<'js>> {
    let result = Array::new(ctx.clone())?;
    let (state, value) = match promise.state() {
        PromiseState::Pending => ("pending", Value::new_undefined(ctx.clone())),
        PromiseState::Resolved => ("resolved", promise.finish()?),
        PromiseState::Rejected => match promise.finish::<Value<'js>>() {
            Ok(value) => ("rejected", value),
            Err(_) => ("rejected", ctx.catch()),
        },
    };
    result.set(0, state)?;
    result.set(1, value)?;
    Ok(result)
}

fn encoding(label: &str) -> Option<String> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(encoding.name().to_ascii_lowercase())
}

fn is_multibyte(label: &str) -> bool {
    Encoding::for_label(label.as_bytes()).is_some_and(|encoding| !encoding.is_single_byte())
}

/// The text of bytes, which come in base64; `None` if they must be valid and are not.
fn decode(
    ctx: &Ctx<'_>,
    label: &str,
    bytes: &str,
    must_be_valid: bool,
    keeps_mark: bool,
) -> Result<Option<String>> {
    let encoding = Encoding::for_label(label.as_bytes());
    let encoding = encoding.ok_or_else(|| Exception::throw_range(ctx, "unknown encoding"))?;
    let bytes = from_base64(bytes);
    let (text, is_broken) = if keeps_mark {
        encoding.decode_without_bom_handling(&bytes)
    } else {
        encoding.decode_with_bom_removal(&bytes)
    };
    Ok((!must_be_valid || !is_broken).then(|| text.into_owned()))
}

/// The parts of a text that people see as one.
fn segments(text: &str, granularity: &str) -> Vec<String> {
    match granularity {
        "word" => text.split_word_bounds().map(str::to_owned).collect(),
        "sentence" => text.split_sentence_bounds().map(str::to_owned).collect(),
        _ => text.graphemes(true).map(str::to_owned).collect(),
    }
}

fn random<'js>(ctx: &Ctx<'js>, count: usize) -> Result<TypedArray<'js, u8>> {
    let mut bytes = vec![0; count.min(1 << 16)];
    getrandom::fill(&mut bytes)
        .map_err(|_| Exception::throw_message(ctx, "There are no random numbers"))?;
    TypedArray::new_copy(ctx.clone(), bytes)
}

/// The parts of an address in the order of `url.js`; `None` if it is not valid.
fn parse_url(address: &str, base: Option<&str>) -> Option<Vec<String>> {
    let base = match base {
        Some(base) => Some(Url::parse(base).ok()?),
        None => None,
    };
    Url::options().base_url(base.as_ref()).parse(address).ok().map(|url| parts(&url))
}

/// The address with another value for one of its parts; as it was where that is not valid.
fn change_url(address: &str, part: &str, value: &str) -> Option<Vec<String>> {
    let mut url = Url::parse(address).ok()?;
    let url_mut = &mut url;
    let _ = match part {
        "protocol" => quirks::set_protocol(url_mut, value),
        "username" => quirks::set_username(url_mut, value),
        "password" => quirks::set_password(url_mut, value),
        "host" => quirks::set_host(url_mut, value),
        "hostname" => quirks::set_hostname(url_mut, value),
        "port" => quirks::set_port(url_mut, value),
        "pathname" => {
            quirks::set_pathname(url_mut, value);
            Ok(())
        }
        "search" => {
            quirks::set_search(url_mut, value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(url_mut, value);
            Ok(())
        }
        _ => Err(()),
    };
    Some(parts(&url))
}

fn parts(url: &Url) -> Vec<String> {
    let origin = quirks::origin(url);
    let parts = [
        quirks::href(url),
        &origin,
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ];
    parts.map(str::to_owned).to_vec()
}

/// The name of a time zone as the database writes it.
fn zone(name: &str) -> Option<String> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    zone.iana_name().map(str::to_owned)
}

/// The offset from UTC in seconds, and the abbreviation, of a time zone at a time.
fn offset<'js>(ctx: &Ctx<'js>, name: &str, milliseconds: f64) -> Result<Array<'js>> {
    let out_of_range = || Exception::throw_range(ctx, "Invalid time value");
    let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| out_of_range())?;
    let at = Timestamp::from_millisecond(milliseconds as i64).map_err(|_| out_of_range())?;
    let info = zone.to_offset_info(at);
    let result = Array::new(ctx.clone())?;
    result.set(0, info.offset().seconds())?;
    result.set(1, info.abbreviation())?;
    Ok(result)
}

/// Bytes as `prelude.js` encodes them.
pub(super) fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_default()
}
