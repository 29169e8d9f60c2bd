//! A body that is read on a user's account and counted as long as any part of it is in use.
#![allow(clippy::print_stdout)]

use bytes::Bytes;
use futures_util::stream;
use memory::{Holder, Memory, read};
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let memory = Memory::new(64 << 20);
    let ann = Holder::User(Uuid::new_v4());

    let pieces =
        stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"two ")), Ok("pieces".into())]);
    let body = read(pieces, None, 1 << 20, memory.charge(ann)).await;
    println!("{body:?}, {} bytes are held", memory.held());

    drop(body);
    println!("{} bytes are held", memory.held());

    let too_much = stream::iter([Ok::<_, std::io::Error>(Bytes::new())]);
    let refusal = read(too_much, Some(40 << 20), 50 << 20, memory.charge(ann)).await;
    println!("{}", refusal.err().map(|error| error.to_string()).unwrap_or_default());
}
