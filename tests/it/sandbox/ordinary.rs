//! Scripts that mean well.

use super::*;

#[tokio::test]
async fn javascript_results() {
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
        ("({ a: 1n, b: [2], c: 3 })", json!({ "a": "1", "b": [2], "c": 3 })),
        ("new Map([['a', 1], ['b', new Set([2])]])", json!([["a", 1], ["b", [2]]])),
        ("[new Uint8Array([1, 2]), /x/g]", json!([[1, 2], "/x/g"])),
        ("await new Promise((resolve) => setTimeout(resolve, 5, 'late'))", json!("late")),
        (
            "let n = 0; const t = setInterval(() => { if (++n > 2) clearInterval(t) }, 1); await 0",
            json!(0),
        ),
        (
            "new URL('../c?x=1#y', 'http://example.com/a/b/d').href",
            json!("http://example.com/a/c?x=1#y"),
        ),
        ("new TextDecoder('latin1').decode(new TextEncoder().encode('é'))", json!("Ã©")),
        ("structuredClone({ d: new Date(0) }).d.getTime()", json!(0)),
        (
            "crypto.randomUUID().length + crypto.getRandomValues(new Uint8Array(4)).length",
            json!(40),
        ),
        (
            "import fs from 'fs'\nfs.writeFileSync('out/a', 'x'); fs.existsSync('/files/out/a')",
            json!(true),
        ),
        ("import { join as j } from 'node:path'\nj('a', '../b')", json!("b")),
        (
            "export const a = 1\nexport { a };\nexport default async function f() { return a }\nf()",
            json!(1),
        ),
        (
            "#!/usr/bin/env node\nif (require.main === module) module.exports = { n: 2 }\nmodule.exports",
            json!({ "n": 2 }),
        ),
        (
            "const fs = require('fs'); fs.writeFileSync('l.txt', 'a\\r\\nb\\nc')\n\
             const lines = []; for await (const l of require('readline').createInterface({ input: fs.createReadStream('l.txt') })) lines.push(l)\n\
             const r = require('readline').createInterface(fs.createReadStream('l.txt'))\n\
             await new Promise((done) => r.on('line', (l) => lines.push(l)).on('close', done))\n\
             const w = fs.createWriteStream('w.txt'); w.write('x'); w.end('y'); await require('events').once(w, 'finish');\n\
             [lines.join(''), files.read('w.txt')]",
            json!(["abcabc", "xy"]),
        ),
        (
            "const done = []; const t = setTimeout(() => done.push(9), 3); clearTimeout(t)\n\
             for (const ms of [5, 1, 3, 1]) setTimeout(() => done.push(ms), ms)\n\
             await new Promise((r) => setTimeout(r, 12)); done",
            json!([1, 1, 3, 5]),
        ),
        (
            "await Promise.all(Array.from({ length: 9000 }, (_, i) => new Promise((r) => setTimeout(r, i % 7)))); 1",
            json!(1),
        ),
        ("files.write('a', 'x'); process.exit(0); throw 1", Value::Null),
        ("try { process.exit() } catch {} for (;;);", Value::Null),
        ("NaN", Value::Null),
        ("(() => 1)", Value::Null),
        ("'\\ud83d'", json!("\u{fffd}")),
        ("'a\\0b'", json!("a\u{fffd}b")),
        ("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("new Date(0).getHours()", json!(0)),
        ("undeclared = 3; undeclared", json!(3)),
        ("input", Value::Null),
        ("[3, 1, 2].toSorted().map((n) => n ** 2)", json!([1, 4, 9])),
        (
            "Object.groupBy([1, 2, 3], (n) => n % 2 ? 'odd' : 'even')",
            json!({ "odd": [1, 3], "even": [2] }),
        ),
        ("'2024-01-31'.match(/(?<y>\\d+)-(?<m>\\d+)/u).groups.m", json!("01")),
        ("class A { #x = 1; get x() { return this.#x } }; new A().x", json!(1)),
    ] {
        let outcome = run(&sandbox, Language::JavaScript, code).await;
        assert_eq!((outcome.status, outcome.error), (Status::Ok, None), "{code}");
        assert_eq!(outcome.result, result, "{code}");
    }
}

#[tokio::test]
async fn python_results() {
    let Some(sandbox) = with_python(settings()).await else { return };
    for (code, result) in [
        ("1 + 1", json!(2)),
        (
            "x = [1, 2.5, None, True, 'é']\n{'a': x, 1: (1, 2)}",
            json!({ "a": [1, 2.5, null, true, "é"], "1": [1, 2] }),
        ),
        ("x = 1", Value::Null),
        ("", Value::Null),
        ("2 ** 100", json!("1267650600228229401496703205376")),
        ("float('inf')", Value::Null),
        ("'\\ud83d'", json!("?")),
        ("'a\\0b'", json!("a\u{fffd}b")),
        ("import datetime; datetime.date(2024, 2, 29)", json!("2024-02-29")),
        ("import decimal; decimal.Decimal('0.1') + decimal.Decimal('0.2')", json!("0.3")),
        ("import statistics; statistics.median([3, 1, 2])", json!(2)),
        ("from collections import Counter; Counter('abca').most_common(1)", json!([["a", 2]])),
        ("import re; re.findall(r'\\d+', 'a1b22')", json!(["1", "22"])),
        (
            "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nP(3)",
            json!("P(x=3)"),
        ),
        ("import asyncio\nasync def f(): return 5\nasyncio.run(f())", json!(5)),
        ("import asyncio\nx = await asyncio.sleep(0, 2)\nawait asyncio.sleep(0, x + 1)", json!(3)),
        ("async def f(): return 5\nf()", json!(5)),
        ("{('a', 1): 2, ('b', 1): 3}", json!([[["a", 1], 2], [["b", 1], 3]])),
        ("import datetime; {datetime.date(2024, 1, 2): 1}", json!({ "2024-01-02": 1 })),
        (
            "from concurrent.futures import ThreadPoolExecutor as T\nwith T(2) as t: r = list(t.map(abs, [-1, 2]))\nr",
            json!([1, 2]),
        ),
        (
            "import sqlite3; sqlite3.connect(':memory:').execute('select 1 + 1').fetchone()",
            json!([2]),
        ),
        ("import tempfile\nwith tempfile.TemporaryFile() as f: n = f.write(b'abc')\nn", json!(3)),
        (
            "import pickle\nclass A: pass\nisinstance(pickle.loads(pickle.dumps(A())), A)",
            json!(true),
        ),
        ("if __name__ == '__main__': n = 1\nn", json!(1)),
        ("%matplotlib inline\nx = '%'\nx", json!("%")),
        ("def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(20)", json!(6765)),
        (
            "import zipfile, io\nb = io.BytesIO()\nzipfile.ZipFile(b, 'w').writestr('a', 'b')\nlen(b.getvalue()) > 0",
            json!(true),
        ),
        ("import random; random.seed(1); random.randint(1, 6) in range(1, 7)", json!(true)),
        ("range(3)", json!([0, 1, 2])),
    ] {
        let outcome = run(&sandbox, Language::Python, code).await;
        assert_eq!((outcome.status, outcome.error), (Status::Ok, None), "{code}");
        assert_eq!(outcome.result, result, "{code}");
    }
}

#[tokio::test]
async fn output_comes_in_two_streams() {
    let javascript = sandbox();
    let code = "console.log('a', 1, { b: [2] }); console.error(new Error('no').message); 0";
    let outcome = run(&javascript, Language::JavaScript, code).await;
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("a 1 { b: [ 2 ] }\n", "no\n"));
    let Some(python) = with_python(settings()).await else { return };
    let code = "import sys, os\nprint('a', 1)\nprint('no', file=sys.stderr)\nos.write(1, b'raw')";
    let outcome = run(&python, Language::Python, code).await;
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("a 1\nraw", "no\n"));
}

#[tokio::test]
async fn errors_say_where() {
    let javascript = sandbox();
    for (code, kind, message, line) in [
        ("1;\nnull.x", "TypeError", "null", 2),
        ("\n\nlet a = ;", "SyntaxError", "unexpected token", 3),
        ("function f() {\n throw new RangeError('é')\n}\nf()", "RangeError", "é", 2),
        ("await 1\nawait Promise.reject(new URIError('u'))", "URIError", "u", 2),
        ("const rows = {}\nrows.map(1)", "TypeError", "not a function, in: rows.map(1)", 2),
        (
            "1\nfetch('http://x')",
            "ReferenceError",
            "fetch is not defined: scripts have no network",
            2,
        ),
    ] {
        let error = run(&javascript, Language::JavaScript, code).await.error.unwrap();
        assert_eq!((&*error.r#type, error.line), (kind, Some(line)), "{error:?}");
        assert!(error.message.contains(message) && error.traceback.is_some(), "{error:?}");
    }
    let Some(python) = with_python(settings()).await else { return };
    for (code, kind, message, line) in [
        ("1\n{}['x']", "KeyError", "'x'", 2),
        ("\n\nx = = 1", "SyntaxError", "invalid syntax", 3),
        ("def f():\n  raise ValueError('é')\nf()", "ValueError", "é", 2),
        ("import json\njson.loads('{')", "JSONDecodeError", "Expecting", 2),
        ("\n!pip install x", "SyntaxError", "packages cannot be installed", 2),
        ("\nimport nothing_like_it", "ModuleNotFoundError", "Packages cannot be installed", 2),
        ("import os\nos.fork()", "PermissionError", "Scripts have no network and", 2),
        ("import urllib.request as r\nr.urlopen('http://1.2.3.4')", "URLError", "no network", 2),
    ] {
        let error = run(&python, Language::Python, code).await.error.unwrap();
        assert_eq!((&*error.r#type, error.line), (kind, Some(line)), "{error:?}");
        assert!(error.message.contains(message), "{error:?}");
        let traceback = error.traceback.unwrap();
        assert!(traceback.contains("script.py") && !traceback.contains("exec("), "{traceback}");
    }
}

const SALES: &str = "city,amount\nRome,10\nParis,5\nRome,7\n";

#[tokio::test]
async fn files_are_read_written_and_brought_back() {
    let python = "import csv, json\n\
        rows = list(csv.DictReader(open('/files/sales.csv')))\n\
        total = {}\n\
        for row in rows: total[row['city']] = total.get(row['city'], 0) + int(row['amount'])\n\
        json.dump(total, open('total.json', 'w'))\n\
        open('keep.txt').read()\n\
        import os; os.remove('gone.txt'); os.mkdir('sub'); open('sub/n.bin', 'wb').write(bytes([0, 255]))\n\
        total";
    let javascript = "const rows = files.read('/files/sales.csv').trim().split('\\n').slice(1)\n\
        const total = {}\n\
        for (const [city, amount] of rows.map((row) => row.split(','))) total[city] = (total[city] ?? 0) + +amount\n\
        files.write('total.json', JSON.stringify(total, null, 1).replace(/\\n */g, '').replace(/:(?! )/g, ': ').replace(/,/, ', '))\n\
        files.read('keep.txt'); files.remove('gone.txt'); files.write('n.bin', new Uint8Array([0, 255]))\n\
        if (files.readBytes('n.bin')[1] !== 255 || files.list().includes('gone.txt')) throw 1\n\
        total";
    let given = vec![file("sales.csv", SALES), file("keep.txt", "k"), file("gone.txt", "g")];
    let mut cases = vec![(Language::JavaScript, javascript, sandbox(), "n.bin")];
    if let Some(sandbox) = with_python(settings()).await {
        cases.push((Language::Python, python, sandbox, "sub/n.bin"));
    }
    for (language, code, sandbox, binary) in cases {
        let script = Script { files: given.clone(), ..script(code) };
        let outcome = sandbox.slot(USER, language).await.unwrap().run(&script).await.unwrap();
        assert_eq!(outcome.result, json!({ "Rome": 17, "Paris": 5 }), "{outcome:?}");
        let mut files = outcome.files;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let find = |name: &str| files.iter().find(|file| file.name == name).unwrap().data.clone();
        assert_eq!(files.len(), 2, "{files:?}");
        assert_eq!(find("total.json"), r#"{"Rome": 17, "Paris": 5}"#);
        assert_eq!(find(binary), [0, 255].as_slice());
        let next = run(
            &sandbox,
            language,
            if language == Language::Python {
                "import os; os.listdir('/files') + os.listdir('/tmp')"
            } else {
                "files.list()"
            },
        );
        assert_eq!(next.await.result, json!([]));
    }
}

#[tokio::test]
async fn a_script_imports_its_own_files() {
    let javascript = "const { twice } = require('./lib/twice'); twice(require('./n.json').n)";
    let files = vec![
        file("lib/twice.js", "const base = require('./base.js'); exports.twice = (n) => n * base"),
        file("lib/base.js", "module.exports = 2"),
        file("n.json", "{\"n\":21}"),
        file("twice.py", "def twice(n): return 2 * n"),
        file("json.py", "1 / 0"),
    ];
    let mut cases = vec![(javascript, Language::JavaScript, sandbox())];
    if let Some(sandbox) = with_python(settings()).await {
        let code = "import json, twice; twice.twice(json.load(open('n.json'))['n'])";
        cases.push((code, Language::Python, sandbox));
    }
    for (code, language, sandbox) in cases {
        let script = Script { files: files.clone(), ..script(code) };
        let outcome = sandbox.slot(USER, language).await.unwrap().run(&script).await.unwrap();
        assert_eq!((outcome.result, outcome.error), (json!(42), None), "{code}");
        assert_eq!(outcome.files, []);
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_brought_back() {
    let javascript = ("files.write('a.txt', files.read('a.txt'))", Language::JavaScript, sandbox());
    let mut cases = vec![javascript];
    if let Some(sandbox) = with_python(settings()).await {
        let code = "text = open('a.txt').read(); open('a.txt', 'w').write(text); None";
        cases.push((code, Language::Python, sandbox));
    }
    for (code, language, sandbox) in cases {
        let script = Script { files: vec![file("a.txt", "same")], ..script(code) };
        let outcome = sandbox.slot(USER, language).await.unwrap().run(&script).await.unwrap();
        assert_eq!((outcome.status, outcome.files), (Status::Ok, Vec::new()), "{code}");
    }
}

#[tokio::test]
async fn a_script_finds_its_input_and_nothing_of_others() {
    let javascript = sandbox();
    let script_with = |code: &str, input: Value| Script { input: Some(input), ..script(code) };
    let slot = javascript.slot(USER, Language::JavaScript).await.unwrap();
    let script_1 = script_with(
        "globalThis.left = 1; Array.prototype.map = null; input.a[0]",
        json!({ "a": ["\u{2028}'\"</script>"] }),
    );
    let outcome = slot.run(&script_1).await.unwrap();
    assert_eq!(outcome.result, json!("\u{2028}'\"</script>"));
    let next = slot.run(&script("[typeof left, typeof [].map, input]")).await.unwrap();
    assert_eq!(next.result, json!(["undefined", "function", null]));
    let Some(python) = with_python(settings()).await else { return };
    let slot = python.slot(USER, Language::Python).await.unwrap();
    let outcome = slot.run(&script_with("input['a']", json!({ "a": [1.5, "é"] }))).await.unwrap();
    assert_eq!(outcome.result, json!([1.5, "é"]));
}

#[tokio::test]
async fn many_scripts_share_few_workers() {
    let sandbox = sandbox();
    let scripts = (0..16).map(|number| {
        let sandbox = sandbox.clone();
        async move {
            let code = format!("let n = 0; for (let i = 0; i < 1e5; i++) n += i; {number}");
            run(&sandbox, Language::JavaScript, &code).await.result
        }
    });
    let results = futures_util::future::join_all(scripts).await;
    assert_eq!(results, (0..16).map(|number| json!(number)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_script_that_nobody_waits_for_ends() {
    let settings = Settings { workers: 1, ..settings() };
    let sandbox = Sandbox::new(Settings { python: None, ..settings });
    let endless = script("for (;;);");
    let slot = sandbox.slot(USER, Language::JavaScript).await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(100), slot.run(&endless)).await;
    assert!(gone.is_err());
    drop(slot);
    assert_eq!(run(&sandbox, Language::JavaScript, "1").await.result, json!(1));
}
