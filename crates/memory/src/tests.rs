use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use uuid::Uuid;

use super::{Buffer, Charge, Form, Full, Holder, Memory, ReadError, json_cost, read};

const MIB: usize = 1 << 20;

fn user() -> Holder {
    Holder::User(Uuid::new_v4())
}

fn charged(memory: &Memory, holder: Holder, bytes: usize) -> Result<Charge, Full> {
    let mut charge = memory.charge(holder);
    charge.grow(bytes).map(|()| charge)
}

#[test]
fn a_user_has_a_share() {
    let memory = Memory::new(64 * MIB);
    let (ann, bob) = (user(), user());
    let first = charged(&memory, ann, 10 * MIB).unwrap();
    assert_eq!(charged(&memory, ann, 7 * MIB).err(), Some(Full::Share));
    assert_eq!(charged(&memory, ann, 17 * MIB).err(), Some(Full::Never));
    assert!(charged(&memory, bob, 7 * MIB).is_ok());
    drop(first);
    assert!(charged(&memory, ann, 7 * MIB).is_ok());
    assert_eq!(memory.held(), 0);
}

#[test]
fn what_is_released_fits_again() {
    let memory = Memory::new(64 * MIB);
    let ann = user();
    let mut charge = charged(&memory, ann, 16 * MIB).unwrap();
    charge.shrink(10 * MIB);
    assert_eq!(memory.held(), 6 * MIB);
    assert!(charged(&memory, ann, 10 * MIB).is_ok());
    charge.shrink(7 * MIB);
    drop(charge);
    assert_eq!(memory.held(), 0);
}

#[test]
fn large_bodies_leave_room_for_small_ones() {
    let memory = Memory::new(64 * MIB);
    let large: Vec<_> = (0..4).map_while(|_| charged(&memory, user(), 14 * MIB).ok()).collect();
    assert_eq!(large.len(), 4);
    assert_eq!(charged(&memory, user(), 2 * MIB).err(), Some(Full::Budget));
    assert!(charged(&memory, user(), MIB).is_ok());
}

#[tokio::test]
async fn a_body_is_counted_as_it_arrives_and_while_it_is_in_use() {
    let memory = Memory::new(64 * MIB);
    let seen = memory.clone();
    let piece = Bytes::from(vec![b'a'; 1000]);
    let pieces = (0..100).map(move |index| {
        assert!(seen.held() >= index * 1000 && seen.held() <= index * 2000 + 4096);
        Ok::<_, String>(piece.clone())
    });
    let body = read(stream::iter(pieces), None, MIB, memory.charge(user())).await.unwrap();
    let part = body.slice(5..10);
    drop(body);
    assert!(memory.held() >= 100_000, "{}", memory.held());
    drop(part);
    assert_eq!(memory.held(), 0);
}

#[test]
fn a_body_in_one_chunk_is_not_copied() {
    let memory = Memory::new(64 * MIB);
    let chunk = |byte| Bytes::from(vec![byte; 20_000]);
    let add = |buffer: &mut Buffer, chunk| buffer.add::<String>(chunk);
    let (first, mut one) = (chunk(b'a'), Buffer::new(MIB, memory.charge(user())));
    add(&mut one, first.clone()).unwrap();
    let body = one.finish();
    assert_eq!((body.as_ptr(), memory.held()), (first.as_ptr(), 20_000));
    drop(body);
    let mut two = Buffer::new(50_000, memory.charge(user()));
    add(&mut two, first).unwrap();
    assert_eq!(two.bytes().len(), 20_000);
    add(&mut two, chunk(b'b')).unwrap();
    assert!(memory.held() >= 40_000);
    assert!(matches!(add(&mut two, chunk(b'c')), Err(ReadError::TooLarge(50_000))));
    two.truncate_and_append(20_001, b"]");
    assert!(two.finish().ends_with(b"ab]"));
    let mut cut = Buffer::new(MIB, memory.charge(user()));
    add(&mut cut, chunk(b'a')).unwrap();
    cut.truncate_and_append(1, b"]");
    assert_eq!(cut.finish(), "a]");
    let mut small = Buffer::new(10_000, memory.charge(user()));
    assert!(matches!(add(&mut small, chunk(b'a')), Err(ReadError::TooLarge(10_000))));
    assert_eq!(memory.held(), 0);
}

#[tokio::test]
async fn a_long_body_is_put_together_from_its_blocks() {
    let memory = Memory::new(64 * MIB);
    let piece = |index: usize| Bytes::from(vec![index as u8; 100_000]);
    let pieces = stream::iter((0..50).map(|index| Ok::<_, String>(piece(index))));
    let body = read(pieces, None, 8 * MIB, memory.charge(user())).await.unwrap();
    assert_eq!(body, (0..50).flat_map(piece).collect::<Vec<u8>>());
    assert!((5_000_000..8_000_000).contains(&memory.held()), "{}", memory.held());
    drop(body);
    assert_eq!(memory.held(), 0);
}

#[tokio::test]
async fn what_cannot_fit_is_refused_unread() {
    let memory = Memory::new(64 * MIB);
    let unread = || {
        stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, String>>> {
            panic!("it was read")
        })
    };
    let holder = user();
    let _held = charged(&memory, holder, 10 * MIB).unwrap();
    let full = read(unread(), Some(7 << 20), 32 * MIB, memory.charge(holder)).await;
    assert!(matches!(full, Err(ReadError::Full(Full::Share))), "{full:?}");
    let long = read(unread(), Some(2001), 2000, memory.charge(holder)).await;
    assert!(matches!(long, Err(ReadError::TooLarge(2000))), "{long:?}");
}

#[tokio::test]
async fn a_body_longer_than_it_may_be_is_not_read_on() {
    let memory = Memory::new(64 * MIB);
    let endless = stream::repeat_with(|| Ok::<_, String>(Bytes::from_static(&[b'a'; 512])));
    let long = read(endless, None, 2000, memory.charge(user())).await;
    assert!(matches!(long, Err(ReadError::TooLarge(2000))), "{long:?}");
    assert_eq!(memory.held(), 0);
}

#[test]
fn values_cost_more_than_their_text() {
    let text = br#""[{,:\"[[["  "#;
    assert_eq!(json_cost(text), text.len());
    let zeros = format!("[{}0]", "0,".repeat(1000));
    assert!(json_cost(zeros.as_bytes()) > 1000 * 2 * size_of::<Value>());
    let objects = format!("[{}0]", r#"{"":0},"#.repeat(1000));
    assert!(json_cost(objects.as_bytes()) > 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_form_that_comes_in_drops_is_given_up() {
    let head = "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n";
    let field = |drop: usize| async move {
        let drops = stream::unfold((), move |()| async move {
            tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            Some((Bytes::from(vec![b'a'; drop]), ()))
        });
        let head = stream::iter([Bytes::from(head)]);
        let body = Body::from_stream(head.chain(drops).map(Ok::<_, String>));
        let charge = Memory::new(64 * MIB).charge(user());
        let mut form = Form::from_body(Some("multipart/form-data; boundary=x"), body, charge);
        let mut field = form.as_mut().unwrap().next().await.unwrap().unwrap();
        for _ in 0..20 {
            if field.chunk().await.is_err() {
                return "given up";
            }
        }
        "read"
    };
    assert_eq!(field(1_000).await, "given up");
    assert_eq!(field(200_000).await, "read");
}
