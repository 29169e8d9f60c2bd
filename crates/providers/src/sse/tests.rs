use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{Frame, Frames, MAX_EVENT_BYTES, ReadError};

const IDLE: Duration = Duration::from_secs(120);

async fn frames(body: &[u8], size: usize) -> Result<Vec<Frame<'static>>, ReadError<Infallible>> {
    let chunks: Vec<_> = body.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let mut frames = Frames::new(stream::iter(chunks), IDLE);
    let mut all = Vec::new();
    loop {
        while let Some(frame) = frames.next()? {
            all.push(match frame {
                Frame::Whole(data) => Frame::Whole(data.into_owned().into()),
                Frame::Unterminated(data) => Frame::Unterminated(data.into_owned().into()),
            });
        }
        if !poll_fn(|cx| frames.poll_more(cx)).await? {
            return Ok(all);
        }
    }
}

fn whole(data: &str) -> Frame<'_> {
    Frame::Whole(data.into())
}

#[tokio::test]
async fn reads_what_servers_send_however_it_is_cut() {
    let body = "\u{FEFF}data:one\r\n\r\n: a comment\n\nevent: x\ndata: two\ndata: 2\u{2028}½\n\nid: 1\n\n\rdata: three\r\r\
        data: 4\n\nevent: y\ndata: 5\n\n: a comment\ndata: 6\n\ndata: 7\r\n\r\ndata: 8\n\n";
    for size in 1..=body.len() {
        let frames = frames(body.as_bytes(), size).await.unwrap();
        let expected = ["one", "two\n2\u{2028}½", "three", "4", "5", "6", "7", "8"];
        assert_eq!(frames, expected.map(whole), "{size}");
    }
}

#[tokio::test]
async fn what_has_no_blank_line_is_unterminated() {
    for body in
        ["data: 1\n\ndata: [DONE]", "data: 1\n\ndata: [DONE]\n", "data: 1\n\ndata: [DONE]\r"]
    {
        let frames = frames(body.as_bytes(), 3).await.unwrap();
        assert_eq!(frames, [whole("1"), Frame::Unterminated("[DONE]".into())], "{body:?}");
    }
    assert_eq!(frames(b"data: 1\n\n", 3).await.unwrap(), [whole("1")]);
}

#[tokio::test]
async fn an_event_may_be_large_but_not_larger() {
    let event = |length: usize| format!("data: {}\n\n", "x".repeat(length));
    let largest = frames(event(MAX_EVENT_BYTES).as_bytes(), 65_536).await.unwrap();
    assert_eq!(largest, [whole(&"x".repeat(MAX_EVENT_BYTES))]);
    let larger = frames(event(MAX_EVENT_BYTES + 1).as_bytes(), 65_536).await;
    assert!(matches!(larger, Err(ReadError::TooLarge)));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_stream_and_comments_do_not_count_as_silence() {
    let comments = stream::unfold(0, async |sent| {
        sleep(IDLE - Duration::from_secs(1)).await;
        (sent < 5).then(|| (Ok::<_, Infallible>(Bytes::from_static(b": ping\n\n")), sent + 1))
    });
    let body = comments.boxed().chain(stream::pending());
    let mut frames = Frames::new(body, IDLE);
    let began = Instant::now();
    let silence = loop {
        if let Err(error) = poll_fn(|cx| frames.poll_more(cx)).await {
            break error;
        }
        assert_eq!(frames.next().unwrap(), None);
    };
    assert!(matches!(silence, ReadError::Idle));
    assert_eq!(began.elapsed().as_secs(), 5 * 119 + 120);
}
