use super::*;

#[tokio::test]
async fn the_last_expression_is_the_result() {
    let sandbox = sandbox();
    for (code, result) in [
        ("1 + 1", json!(2)),
        ("const a = [1, 2]; ({ a, b: 'é', c: null })", json!({ "a": [1, 2], "b": "é", "c": null })),
        ("await Promise.resolve(7)", json!(7)),
        ("new Promise((resolve) => resolve([1]))", json!([1])),
        ("(async () => { await null; return 'late' })()", json!("late")),
        ("let x = 1", Value::Null),
        ("", Value::Null),
        ("10n ** 20n", json!("100000000000000000000")),
        ("NaN", Value::Null),
        ("(() => 1)", Value::Null),
        ("'\\ud83d'", json!("\u{fffd}")),
        ("'a\\0b'", json!("a\u{fffd}b")),
        ("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("undeclared = 3; undeclared", json!(3)),
        ("input", Value::Null),
    ] {
        let outcome = run(&sandbox, Language::JavaScript, code).await;
        assert_eq!((outcome.status, outcome.error), (Status::Ok, None), "{code}");
        assert_eq!(outcome.result, result, "{code}");
    }
}

#[tokio::test]
async fn python_smoke() {
    let Some(sandbox) = with_python(settings()).await else { return };
    let outcome = run(&sandbox, Language::Python, "print('hi')\nimport sys\nprint('err', file=sys.stderr)\n{'a': [1, 2.5, None, True], 'b': {1, }}").await;
    eprintln!("{outcome:?} {:?}", sandbox.python().await);
    assert_eq!(outcome.result, json!({"a":[1,2.5,null,true],"b":[1]}));
    let begun = Instant::now();
    let _: PathBuf = PathBuf::new();
    let outcome = run(&sandbox, Language::Python, "open('x.txt','w').write('hello')").await;
    eprintln!("{outcome:?} {:?}", begun.elapsed());
    let outcome = run(&sandbox, Language::Python, "1/0").await;
    eprintln!("{outcome:?} {:?}", begun.elapsed());
    let _ = file("a", "b");
}
