//! Scripts that want more than they may have. Each has to end as it should and in time, the next
//! script must not notice, and nothing may be left behind.

use futures_util::{StreamExt, stream};

use super::*;

/// The limit of scripts that may reach it, and of those that should not.
const SHORT: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(2);
/// How much longer it may take on a machine that has other things to do.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Small limits, so that reaching them takes little time.
fn tight(memory_bytes: u64) -> Settings {
    let limits = Limits { timeout: LIMIT, memory_bytes, output_bytes: 64 << 10 };
    Settings { limits, workers: 4, ..settings() }
}

/// Runs scripts side by side against the statuses that they may end with, separated by `|`. They are
/// followed by one that means well: each in JavaScript, where one worker runs many.
async fn attack(sandbox: &Sandbox, language: Language, attacks: &[(&str, &str)]) {
    let harmless = match language {
        Language::JavaScript => "[1, 2, 3].length",
        Language::Python => "len([1, 2, 3])",
    };
    let pairs = attacks.iter().enumerate().map(|(number, (code, expected))| async move {
        let limit = if expected.contains("timeout") { SHORT } else { LIMIT };
        let outcome = timed(sandbox, language, code, limit).await;
        let next = match language {
            Language::Python if number % 10 != 9 => None,
            _ => Some(timed(sandbox, language, harmless, LIMIT).await),
        };
        let problem = contained(&outcome, expected, limit, next.as_ref()).err()?;
        Some(format!("{problem}: {code}\n{:.600}\n", format!("{outcome:?}")))
    });
    let results: Vec<_> = stream::iter(pairs).buffer_unordered(4).collect().await;
    let broken: Vec<_> = results.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), attacks.len(), broken.join("\n"));
}

fn contained(
    outcome: &Outcome,
    expected: &str,
    limit: Duration,
    next: Option<&Outcome>,
) -> Result<(), String> {
    let status = json!(outcome.status);
    let output = outcome.stdout.len() + outcome.stderr.len();
    if !expected.split('|').any(|expected| status == expected) {
        return Err(format!("{status}, not {expected}"));
    }
    if outcome.duration > limit + TOLERANCE {
        return Err(format!("it took {:?}", outcome.duration));
    }
    if outcome.error.is_none() != (outcome.status == Status::Ok) {
        return Err("it has no error, or should not have one".into());
    }
    // A byte that is no text becomes a character of three.
    if output > 3 * (64 << 10) {
        return Err(format!("{output} bytes of output"));
    }
    match next.filter(|next| next.result != json!(3)) {
        Some(next) => Err(format!("the next script ended with {next:?}")),
        None => Ok(()),
    }
}

async fn timed(sandbox: &Sandbox, language: Language, code: &str, timeout: Duration) -> Outcome {
    let script = Script { timeout, ..script(code) };
    sandbox.slot(USER, language).await.unwrap().run(&script).await.unwrap()
}

/// Waits until no process of a sandbox is left; its limit of memory tells whose a process is.
#[cfg(target_os = "linux")]
async fn nothing_is_left(memory_bytes: u64) {
    let mark = memory_bytes.to_string();
    let left = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
    };
    let gone = async {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("workers are left");
}

#[tokio::test]
async fn javascript() {
    let memory_bytes = (64 << 20) + 1;
    let sandbox = Sandbox::new(tight(memory_bytes));
    attack(&sandbox, Language::JavaScript, JAVASCRIPT).await;
    drop(sandbox);
    #[cfg(target_os = "linux")]
    nothing_is_left(memory_bytes).await;
}

#[tokio::test]
async fn python() {
    let memory_bytes = (64 << 20) + 2;
    let Some(sandbox) = with_python(tight(memory_bytes)).await else { return };
    attack(&sandbox, Language::Python, PYTHON).await;
    let script = Script { input: Some(json!(REFUSED)), ..script(TRY_ALL) };
    let outcome = sandbox.slot(USER, Language::Python).await.unwrap().run(&script).await.unwrap();
    assert_eq!((outcome.status, outcome.result), (Status::Ok, json!([])), "{:?}", outcome.error);
    drop(sandbox);
    #[cfg(target_os = "linux")]
    nothing_is_left(memory_bytes).await;
}

const JAVASCRIPT: &[(&str, &str)] = &[
    // Time.
    ("for (;;) {}", "timeout"),
    ("while (true) { try { for (;;) {} } catch {} }", "timeout"),
    ("(function f() { try { f() } finally { f() } })()", "timeout|error"),
    ("const f = () => Promise.resolve().then(f); f()", "timeout|error|memory_limit"),
    ("for (;;) await null", "timeout"),
    ("(async function f() { for (;;) await f })()", "timeout"),
    ("/(a+)+$/.test('a'.repeat(40) + 'b')", "timeout|error"),
    ("/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60))", "timeout|error"),
    ("'a'.repeat(2 ** 20).split('').sort(() => { for (;;); })", "timeout|memory_limit"),
    ("({ toJSON() { for (;;); } })", "timeout"),
    ("({ get a() { for (;;); } })", "timeout"),
    ("new Proxy({}, { ownKeys() { for (;;); } })", "timeout"),
    ("throw { get message() { for (;;); } }", "timeout|error"),
    ("throw { toString() { for (;;); } }", "timeout"),
    (
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { for (;;); } }); throw e",
        "timeout",
    ),
    ("3n ** (10n ** 7n)", "timeout|error|memory_limit"),
    ("let x = 3n; for (;;) x = x * x", "timeout|error|memory_limit"),
    ("[].concat(...Array(1e5).fill([1, 2, 3]), ).map(() => { for (;;); })", "timeout|error"),
    ("Array.from({ length: 2 ** 32 }, (_, i) => i)", "timeout|error|memory_limit"),
    ("Array(2 ** 32 - 1).join('')", "timeout|error|memory_limit"),
    ("new Array(2 ** 32 - 1).fill(0)", "timeout|memory_limit|error"),
    ("[...Array(2 ** 31).keys()].length", "timeout|memory_limit|error"),
    ("Array(2 ** 32 - 1).indexOf(1)", "timeout|ok"),
    ("Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)", "timeout|ok"),
    ("setInterval(() => {}, 0)", "timeout"),
    ("const f = () => setTimeout(f, 0); f()", "timeout"),
    ("setTimeout(() => { for (;;); }, 0)", "timeout"),
    ("setTimeout(() => {}, 1e9)", "timeout"),
    ("await new Promise((resolve) => setTimeout(resolve, 1e9))", "timeout"),
    ("for (;;) setTimeout(() => {}, 1e6)", "error"),
    ("setInterval(() => { for (;;) setTimeout(() => {}, 1e6) }, 0)", "error"),
    ("setTimeout('process.exit()', 0)", "error"),
    ("setTimeout(() => { throw null }, 0)", "error"),
    ("setInterval(() => Promise.reject(new Error('no')), 1)", "error"),
    ("for (;;) Promise.reject(1)", "memory_limit|timeout"),
    ("for (let i = 0; i < 1e4; i++) Promise.reject(i).catch(() => {}); 1", "ok"),
    ("console.log(new Proxy({}, { get() { for (;;); } }))", "timeout"),
    ("console.log({ [Symbol.for('nodejs.util.inspect.custom')]() { for (;;); } })", "timeout"),
    ("console.log(new Proxy({}, { ownKeys() { throw 1 } })); 1", "ok"),
    ("let a = []; for (let i = 0; i < 50000; i++) a = [a]; console.log(a); 1", "ok"),
    ("structuredClone(new Proxy([], { get() { for (;;); } }))", "timeout"),
    ("let a = []; for (let i = 0; i < 50000; i++) a = [a]; structuredClone(a)", "error"),
    ("new URLSearchParams('a&'.repeat(1e6)).size", "ok|timeout|memory_limit"),
    ("new Intl.NumberFormat('en-US', { maximumFractionDigits: 1e9 })", "error"),
    ("new Date().toLocaleString('en-US', { timeZone: '../../etc/passwd' })", "error"),
    ("new Date().toLocaleString('xx-YY')", "error"),
    ("await new Promise(() => {})", "error"),
    // Memory.
    ("const a = []; for (;;) a.push(new Array(1000).fill('x'))", "memory_limit|timeout"),
    ("let s = 'x'; for (;;) s += s", "memory_limit|error"),
    ("let s = 'x'; for (;;) { try { s += s } catch {} }", "timeout|memory_limit"),
    ("'x'.repeat(2 ** 30 - 2)", "memory_limit|error"),
    ("'x'.padEnd(2 ** 29)", "memory_limit|error"),
    ("new ArrayBuffer(2 ** 34)", "memory_limit|error"),
    ("new Uint8Array(2 ** 31)", "memory_limit|error"),
    ("const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))", "memory_limit"),
    ("const m = new Map(); for (let i = 0; ; i++) m.set(i, {})", "memory_limit|timeout"),
    ("const a = []; for (;;) a.push(Symbol())", "memory_limit|timeout"),
    ("JSON.stringify(Array(1e7).fill('xxxxxxxx'))", "memory_limit|error|timeout"),
    (
        "let a = 'x'; for (let i = 0; i < 40; i++) a = [a, a]; a",
        "timeout|memory_limit|output_limit|error",
    ),
    ("new SharedArrayBuffer(2 ** 33)", "memory_limit|error"),
    ("new TextDecoder().decode(new Uint8Array(60 << 20)).length", "memory_limit|timeout"),
    ("crypto.getRandomValues(new Uint8Array(1e6))", "error"),
    ("new ArrayBuffer(1, { maxByteLength: 2 ** 40 })", "memory_limit|error|ok"),
    // Depth.
    ("(function f() { f() })()", "error"),
    ("const f = () => [f()]; f()", "error"),
    ("let a = []; for (let i = 0; i < 50000; i++) a = [a]; a", "error"),
    ("let a = {}; for (let i = 0; i < 50000; i++) a = { a }; a", "error"),
    ("let a = []; for (let i = 0; i < 200; i++) a = [a]; a", "error"),
    ("let a = []; for (let i = 0; i < 50000; i++) a = [a]; a = null; 1", "ok"),
    ("const a = []; a.push(a); a", "error"),
    ("const a = {}; a.b = { a }; a", "error"),
    ("JSON.parse('['.repeat(200000))", "error"),
    ("eval('('.repeat(200000))", "error"),
    ("eval('1' + '+1'.repeat(200000))", "error|ok|timeout"),
    ("new RegExp('('.repeat(100000))", "error"),
    ("new Function('x'.repeat(1e6) + ')')", "error"),
    (
        "let p = Promise.resolve(1); for (let i = 0; i < 1e5; i++) p = p.then((x) => x); await p",
        "ok|timeout|memory_limit",
    ),
    // Output.
    ("for (;;) console.log('x'.repeat(1000))", "output_limit"),
    ("for (;;) { console.group('x'); console.log('a\\nb') }", "output_limit"),
    ("console.log(...Array(5e4).fill({ a: 'x' }))", "output_limit|timeout"),
    ("console.log('%s'.repeat(5e4), ...Array(5e4).fill('xxx'))", "output_limit|timeout"),
    ("for (;;) try { console.log('x'.repeat(1000)) } catch {}", "output_limit"),
    ("console.error('x'.repeat(100000))", "output_limit"),
    ("'x'.repeat(100000)", "output_limit"),
    ("Array(100000).fill(0)", "output_limit"),
    ("throw new Error('x'.repeat(1e6))", "error"),
    ("const e = new Error(); e.name = 'n'.repeat(1e6); throw e", "error"),
    // What is not there.
    ("require('child_process')", "error"),
    ("require('../../etc/passwd')", "error"),
    ("require('fs').readFileSync('/etc/passwd')", "error"),
    ("require('fs').readdirSync('/etc')", "error"),
    ("import { exec } from 'child_process'\nexec('id')", "error"),
    ("process.exit(1)", "error"),
    ("for (;;) try { process.exit(0) } catch {}", "ok"),
    ("setTimeout(() => process.exit(0), 1); for (;;) await null", "timeout|ok"),
    ("setTimeout(() => process.exit(0), 1); await new Promise(() => {})", "ok"),
    ("for (let i = 0; i < 9999; i++) setInterval(() => {}, 0)", "timeout"),
    ("for (;;) clearTimeout(setTimeout(() => {}, 1e9))", "timeout"),
    ("setTimeout(() => {}, { valueOf() { for (;;); } })", "timeout"),
    ("Array.prototype.push = Map.prototype.get = null; setTimeout(() => {}, 1); 1", "ok"),
    (
        "require('crypto').createHash('sha256').update('x'.repeat(9e7)).digest()",
        "memory_limit|error",
    ),
    (
        "const h = require('crypto').createHash('md5'); for (;;) h.update('x'.repeat(1e6))",
        "memory_limit|timeout",
    ),
    ("require('crypto').createHash({ toString() { for (;;); } })", "timeout"),
    ("require('crypto').createHash('x'.repeat(1e6))", "error"),
    ("require('crypto').randomBytes(2 ** 31)", "memory_limit|error"),
    ("[...new Intl.Segmenter('en').segment('x'.repeat(1e7))].length", "memory_limit|timeout"),
    ("const e = new (require('events'))(); e.on('a', () => e.emit('a')); e.emit('a')", "error"),
    (
        "const e = new (require('events'))(); e.on('newListener', () => {}); for (;;) e.on('a', () => {})",
        "timeout|memory_limit",
    ),
    ("for await (const l of require('readline').createInterface(process.stdin)) l; 1", "ok"),
    ("const f = require('fs'); f.createReadStream('/etc/passwd')", "error"),
    ("const w = require('fs').createWriteStream('../x'); w.end('x')", "error"),
    (
        "const a = []; a.push(a); const b = []; b.push(b); require('assert').deepStrictEqual(a, b); 1",
        "ok|error",
    ),
    (
        "let a = [], b = []; for (let i = 0; i < 50000; i++) { a = [a]; b = [b] } require('util').isDeepStrictEqual(a, b)",
        "error",
    ),
    ("new Intl.NumberFormat('en', { style: 'unit', unit: 'constructor' })", "error"),
    ("module.exports = module; module", "error"),
    ("export default (() => { for (;;); })()", "timeout"),
    ("import('fs')", "error"),
    ("import('std').then((std) => std.exit(1))", "error"),
    ("import * as os from 'os'\nos.exec(['sh'])", "error"),
    ("std.open('/etc/passwd')", "error"),
    ("os.exec(['sh'])", "error"),
    ("fetch('http://127.0.0.1')", "error"),
    ("new Worker('x')", "error"),
    ("Deno.exit()", "error"),
    ("scriptArgs", "error"),
    ("print(1)", "error"),
    ("this.constructor.constructor('return process')().binding('fs')", "error"),
    ("process.kill(1)", "error"),
    ("process.stdout.write('x'.repeat(1e6))", "output_limit"),
    ("Buffer.alloc(2 ** 31)", "memory_limit|error"),
    ("files.read('/etc/passwd')", "error"),
    ("files.read('../../etc/passwd')", "error"),
    ("files.read('/files/../etc/passwd')", "error"),
    ("files.write('/tmp/x', 'x')", "error"),
    ("files.write('a/../../b', 'x')", "error"),
    ("files.write('a//b', 'x')", "error"),
    ("files.write('', 'x')", "error"),
    ("files.write('x'.repeat(1e6), 'x')", "error"),
    ("files.write('nul\\0', 'x')", "error"),
    ("files.remove('..')", "error"),
    // Files.
    ("for (let i = 0; ; i++) files.write('f' + i, 'x')", "error"),
    ("for (let i = 0; ; i++) files.write('f', 'x'.repeat(1e6 * i))", "error|memory_limit|timeout"),
    ("files.write('f', 'x'.repeat(17 << 20))", "error"),
    ("files.write('f', new Uint8Array(17 << 20))", "error|memory_limit|timeout"),
    ("files.write('f', { toJSON() { for (;;); } })", "timeout"),
    // Tricks.
    ("Object.prototype.toJSON = () => { throw 1 }; ({})", "error"),
    (
        "Object.prototype.value = 1; Array.prototype.push = null; Promise.prototype.then = null; 3",
        "ok",
    ),
    (
        "JSON.stringify = null; Object.defineProperty(globalThis, 'console', { value: null }); 1",
        "ok",
    ),
    (
        "Promise = null; Error = null; String = null; Uint8Array = null; console.log({}, []); 1",
        "ok",
    ),
    ("Object.freeze(globalThis); 1", "ok"),
    ("delete globalThis.console; delete globalThis.files; 1", "ok"),
    ("throw null", "error"),
    ("Promise.reject(null)", "error"),
    ("Promise.reject(new Error('nobody cares')); 1", "error"),
    ("throw undefined", "error"),
    ("throw Symbol('x')", "error"),
    ("Promise.reject(new Error('no'))", "error"),
    ("throw Object.create(null)", "error"),
    ("throw new Proxy({}, { get() { throw 1 } })", "error"),
    ("({ then(resolve) { resolve(this) } })", "ok|error|timeout"),
    (
        "const w = new WeakRef({}); new FinalizationRegistry(() => { for (;;); }).register({}, 1); 1",
        "ok|timeout",
    ),
    ("}", "error"),
    ("\\u{", "error"),
    ("'\\ud800'.at(0) + 1", "ok"),
    ("console.log('\\ud800', '\\0', new Error('x'), Symbol('s'), 1n, () => 1); 1", "ok"),
    ("return 1", "error"),
    ("#!shebang\n1", "ok|error"),
    ("debugger; 1", "ok"),
    ("with ({ a: 1 }) a", "ok"),
    ("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", "error|timeout|ok"),
    ("new Date(NaN)", "ok"),
    ("Date = class { constructor() { for (;;); } }; 1", "ok"),
];

/// The scripts of `input` that do not raise.
const TRY_ALL: &str = "import os\ndone = []\nfor code in input:\n  \
    try: exec(code, {}); done.append(code)\n  except BaseException: os.chdir('/files')\ndone";

/// What must raise. They share a process, because each of them fails without a trace.
const REFUSED: &[&str] = &[
    "import os; os.fork()",
    "import os\nwhile True: os.fork()",
    "import os; os.forkpty()",
    "import os; os.execv('/bin/sh', ['sh'])",
    "import os; os.execve('/usr/bin/python3', ['python3'], {})",
    "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "import os; os.system('id') and 1 / 0",
    "import os; os.popen('id').read()",
    "import subprocess; subprocess.run(['id'])",
    "import multiprocessing as m; p = m.Process(target=print); p.start(); p.join()",
    "import os; os.setsid(); os.fork()",
    "import ctypes; l = ctypes.CDLL(None, use_errno=True)\nassert l.fork() >= 0",
    "import ctypes; l = ctypes.CDLL(None)\nassert l.vfork() >= 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(57) >= 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(435, 0, 0) >= 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(0x40000000 + 39) >= 0",
    "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
    "import ctypes; assert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(425, 8, 0) >= 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(250, 0, 0) >= 0",
    "import ctypes; assert ctypes.CDLL(None).syscall(321, 0, 0, 0) >= 0",
    "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0",
    "import ctypes; assert ctypes.CDLL(None).umount(b'/files') == 0",
    "import ctypes; assert ctypes.CDLL(None).chroot(b'/tmp') == 0",
    "import ctypes; assert ctypes.CDLL(None).personality(0x0040000) >= 0",
    "import os; os.setuid(0)",
    "import resource; resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
    "exit(3)",
    "raise KeyboardInterrupt",
    "raise GeneratorExit",
    "import socket; socket.socket()",
    "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
    "import socket; socket.socket(socket.AF_UNIX)",
    "import socket; socket.getaddrinfo('example.com', 80)",
    "import urllib.request; urllib.request.urlopen('http://example.com')",
    "open('/etc/passwd').read()",
    "open('/etc/shadow').read()",
    "open('/proc/self/environ').read()",
    "open('/proc/1/cmdline').read()",
    "import os; os.listdir('/home')",
    "import os; os.listdir('/var/lib')",
    "import os; os.listdir('/srv')",
    "open('/sys/kernel/notes')",
    "open('/usr/x', 'w')",
    "open('/x', 'w')",
    "import os; os.mkdir('/x')",
    "import os; os.chmod('/usr/bin', 0o777)",
    "open('/dev/mem', 'rb')",
    "open('/python/x', 'w')",
    "open('/packages/x', 'w')",
    "open('/dev/tty', 'w').write('x')",
    "input()",
    "import os; os.symlink('/etc/passwd', 'link')",
    "import os; os.link('/usr/bin/env', 'link')",
    "import os; os.mkfifo('pipe')",
    "open('sparse', 'wb').truncate(1 << 40)",
    "open('a' * 300, 'w')",
    "import os; os.rmdir('/files')",
    "import os; os.chdir('/'); os.rename('/files', '/tmp/files')",
];

const PYTHON: &[(&str, &str)] = &[
    // Time.
    ("while True: pass", "timeout"),
    ("while True:\n  try:\n    while True: pass\n  except BaseException: pass", "timeout"),
    ("import time; time.sleep(1000)", "timeout"),
    (
        "import signal; [signal.signal(s, signal.SIG_IGN) for s in (15, 2, 1, 14)]\nwhile True: pass",
        "timeout",
    ),
    (
        "import threading\n[threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start() for _ in range(4)]",
        "ok|timeout|error|memory_limit",
    ),
    ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n1", "ok"),
    ("import re; re.match(r'(a+)+$', 'a' * 40 + 'b')", "timeout"),
    ("10 ** 10 ** 8", "timeout|memory_limit"),
    ("pow(3, 10 ** 8) % 7", "timeout|memory_limit"),
    ("str(10 ** 100000)", "error"),
    ("10 ** 5000", "ok"),
    ("sum(range(10 ** 12))", "timeout"),
    ("list(iter(int, 1))", "timeout|memory_limit"),
    ("class A:\n  def __repr__(self):\n    while True: pass\nA()", "timeout"),
    ("class E(Exception):\n  def __str__(self):\n    while True: pass\nraise E", "timeout"),
    (
        "class D(dict):\n  def items(self):\n    while True: yield 'a', 1\nD()",
        "timeout|memory_limit|output_limit",
    ),
    ("import atexit, time; atexit.register(time.sleep, 99); 1", "ok"),
    ("import sys; sys.settrace(lambda *a: None); sys.setswitchinterval(1000); 1", "ok"),
    ("import select; select.select([], [], [])", "timeout"),
    ("import os; r, w = os.pipe(); os.read(r, 1)", "timeout"),
    ("import signal; signal.pause()", "timeout"),
    ("import threading; l = threading.Lock(); l.acquire(); l.acquire()", "timeout"),
    ("import asyncio; await asyncio.sleep(99)", "timeout"),
    ("import asyncio\nwhile True: await asyncio.sleep(0)", "timeout"),
    (
        "import asyncio\nasync def f():\n  while True:\n    try: await asyncio.sleep(0)\n    except BaseException: pass\nasyncio.create_task(f()); await asyncio.sleep(0.01); 5",
        "timeout",
    ),
    (
        "class E(PermissionError):\n  errno = property(lambda s: [0 for _ in iter(int, 1)])\nraise E",
        "timeout|memory_limit",
    ),
    ("class E(Exception):\n  reason = property(lambda s: 1 / 0)\nraise E", "error"),
    ("%matplotlib inline\n!id\n1", "error"),
    (
        "import os, struct\nbody = b'{\"status\":\"ok\",\"result\":1,\"error\":null,\"files\":[{\"name\":\"../../x\",\"size\":1}]}'\nfor fd in range(3, 20):\n  try: os.write(fd, b'r' + struct.pack('<I', len(body)) + body + b'x')\n  except OSError: pass\nos._exit(0)",
        "ok|crashed",
    ),
    ("class T:\n  def _repr_png_(self):\n    while True: pass\ndisplay(T())", "timeout"),
    // Memory.
    ("'x' * 10 ** 11", "memory_limit"),
    ("class T:\n  def _repr_png_(self): return b'x' * 10 ** 9\ndisplay(T())", "memory_limit"),
    (
        "a = []\nclass T:\n  def __repr__(self):\n    while True: a.append('x' * 10 ** 6)\nT()",
        "memory_limit",
    ),
    ("a = []\nwhile True: a.append(' ' * 10 ** 6)", "memory_limit"),
    (
        "a = []\nwhile True:\n  try: a.append(bytearray(10 ** 7))\n  except MemoryError: pass",
        "timeout|memory_limit",
    ),
    ("b = bytearray(10 ** 9)", "memory_limit"),
    ("[0] * 10 ** 10", "memory_limit"),
    ("list(range(10 ** 9))", "memory_limit"),
    (
        "import mmap; m = mmap.mmap(-1, 1 << 30)\nfor i in range(0, 1 << 30, 4096): m[i] = 1",
        "memory_limit",
    ),
    (
        "import mmap\nms = []\nwhile True:\n  m = mmap.mmap(-1, 1 << 20); m.write(b'x' * (1 << 20)); ms.append(m)",
        "memory_limit|error",
    ),
    ("import os; os.memfd_create('x')", "error"),
    (
        "import ctypes; ctypes.CDLL(None).malloc.restype = ctypes.c_void_p\nctypes.memset(ctypes.CDLL(None).malloc(1 << 28), 1, 1 << 28)",
        "memory_limit|crashed|error",
    ),
    ("import ctypes; ctypes.string_at(0)", "crashed"),
    ("open('/dev/shm/x', 'w')", "error"),
    ("f = open('/tmp/x', 'wb')\nwhile True: f.write(b'x' * 10 ** 6)", "error|memory_limit"),
    (
        "import threading, time\n[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(100000)]",
        "error|memory_limit|timeout",
    ),
    ("{i: {} for i in range(10 ** 8)}", "memory_limit"),
    ("import zlib, io\nzlib.decompress(zlib.compress(b'x' * (30 << 20)) ) * 10", "memory_limit"),
    (
        "import threading, time; threading.stack_size(32768)\n[threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(5000)]\ntime.sleep(9)",
        "memory_limit|error",
    ),
    // Depth.
    ("def f(): f()\nf()", "error"),
    (
        "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()",
        "error|crashed|memory_limit|timeout",
    ),
    ("a = []\nfor _ in range(200000): a = [a]\na", "error"),
    ("a = {}\nfor _ in range(200000): a = {'a': a}\na", "error"),
    ("a = []\nfor _ in range(200000): a = [a]\ndel a\n1", "ok"),
    ("a = []; a.append(a); a", "error"),
    ("a = [1]\nfor _ in range(40): a = [a, a]\na", "output_limit"),
    ("import json; json.loads('[' * 200000)", "error"),
    ("eval('(' * 200000)", "error|memory_limit|crashed"),
    ("eval('-' * 200000 + '1')", "error|memory_limit|crashed"),
    ("exec('1' + '+1' * 200000)", "error|memory_limit|crashed|ok|timeout"),
    ("import ast; ast.literal_eval('[' * 100000 + ']' * 100000)", "error|memory_limit|crashed"),
    ("'x' + 1 +", "error"),
    // Output.
    ("while True: print('x' * 1000)", "output_limit"),
    ("import sys\nwhile True: sys.stderr.write('x' * 1000)", "output_limit"),
    ("import os\nwhile True: os.write(1, b'\\xff' * 100000)", "output_limit"),
    (
        "import os\nwhile True:\n  try: os.write(2, b'x' * 100000)\n  except BaseException: pass",
        "output_limit",
    ),
    ("'x' * 100000", "output_limit"),
    ("display(*range(10 ** 6))", "output_limit"),
    (
        "class T:\n  def _repr_svg_(self): return '<svg/>'\nfor _ in range(200): display(T())",
        "output_limit",
    ),
    ("[0] * 1000000", "output_limit"),
    ("print('x' * 10 ** 7)", "output_limit"),
    ("raise Exception('x' * 10 ** 6)", "error"),
    ("import sys; sys.stdout.close(); 1", "ok"),
    ("import os; os.close(1); os.close(2); print(1)", "ok|error"),
    // Processes and programs.
    ("import os; os.kill(1, 9); import time; time.sleep(0.2); 1", "ok"),
    ("import os; os.kill(os.getppid(), 9); 1", "ok"),
    ("import os; os.kill(-1, 9); 1", "ok|error"),
    ("import os; os.kill(os.getpid(), 9)", "crashed"),
    ("import os; os.kill(os.getpid(), 19)", "timeout"),
    ("import os; os.abort()", "crashed"),
    ("import os; os._exit(0)", "crashed"),
    ("import signal; signal.setitimer(signal.ITIMER_REAL, 0.05)\nwhile True: pass", "crashed"),
    ("raise SystemExit", "ok"),
    // The network.
    // The host.
    (
        "import os; assert set(os.environ) <= {'PATH', 'HOME', 'LANG', 'MPLCONFIGDIR', 'MPLBACKEND', 'OPENBLAS_NUM_THREADS', 'PWD', 'LC_CTYPE', 'LD_LIBRARY_PATH'}, os.environ",
        "ok",
    ),
    ("import sys; sys.stdin.read() or None", "ok"),
    // Files.
    ("for i in range(10 ** 6): open(str(i), 'w').close()", "output_limit|error|timeout"),
    ("for i in range(10 ** 6): open('/tmp/' + str(i), 'w').close()", "output_limit|error|timeout"),
    ("for i in range(200): open(str(i), 'w').close()", "output_limit"),
    (
        "import os\nfor i in range(10 ** 6): os.mkdir(str(i)); os.chdir(str(i))",
        "error|output_limit|timeout",
    ),
    ("f = open('big', 'wb')\nwhile True: f.write(b'x' * 10 ** 6)", "error|memory_limit"),
    ("open('sparse', 'wb').truncate(15 << 20)", "ok"),
    (
        "for i in range(9):\n  with open(str(i), 'wb') as f: f.truncate(15 << 20)",
        "output_limit|error|memory_limit",
    ),
    ("open('bad\\nname', 'w').write('x')", "ok"),
    ("open(b'\\xff\\xfe', 'w').write('x')", "ok|error"),
    (
        "import os; os.mkdir('locked'); os.chmod('locked', 0); open('fine', 'w').write('x')",
        "ok|error",
    ),
    // The watch.
    ("import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nwhile True: pass", "timeout|crashed"),
    (
        "import ctypes; ctypes.CDLL(None).prctl(15, b'x y) R 1\\n')\na = []\nwhile True: a.append(' ' * 10 ** 6)",
        "memory_limit",
    ),
    // The runner.
    (
        "import os\nfor fd in range(3, 64):\n  try: os.close(fd)\n  except OSError: pass\n1",
        "crashed",
    ),
    (
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'r' + b'\\xff' * 1000)\n  except OSError: pass\n1",
        "crashed",
    ),
    (
        "import os\nwhile True:\n  for fd in range(3, 64):\n    try: os.write(fd, b'o\\x05\\0\\0\\0hello')\n    except OSError: pass",
        "output_limit|timeout|crashed",
    ),
    (
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'r\\x02\\0\\0\\0{}')\n  except OSError: pass\n1",
        "crashed",
    ),
    (
        "import sys, __main__; [setattr(sys.modules[m], k, None) for m in ('os', 'json', 'struct') for k in list(vars(sys.modules[m]))]; 1",
        "ok|crashed|error",
    ),
    (
        "import builtins; [delattr(builtins, k) for k in list(vars(builtins)) if k != 'delattr']; 1",
        "ok|crashed|error",
    ),
    ("import sys; sys._getframe(1).f_globals.clear(); 1", "ok|crashed|error"),
    (
        "import sys; f = sys._getframe()\nwhile f: f.f_locals.update(result=1, response={}); f = f.f_back\n1",
        "ok|crashed|error",
    ),
    ("import sys; sys.meta_path.clear(); 1", "ok"),
    ("class T:\n  def __getattr__(self, n): raise SystemExit(1)\ndisplay(T())", "error"),
    (
        "import sys, types\nm = types.ModuleType('x'); m.get_fignums = lambda: iter(int, 1)\nsys.modules['matplotlib.pyplot'] = m",
        "error",
    ),
    (
        "import gc; [o.clear() for o in gc.get_objects() if isinstance(o, list)]; 1",
        "ok|crashed|error",
    ),
    (
        "class S(str):\n  def __str__(self): return 'x' * 10 ** 9\nS('x')",
        "memory_limit|output_limit|error",
    ),
    ("class F(float):\n  def __float__(self): return 'x'\nF(1)", "ok|error"),
    ("class K:\n  def __str__(self): return 1\n{K(): 1}", "error"),
    ("class T:\n  def tolist(self): return self\nT()", "ok|error"),
    ("class T:\n  def __getattr__(self, n): raise SystemExit(0)\nT()", "ok"),
    ("float('nan')", "ok"),
    ("'\\ud800'", "ok"),
    ("print('\\ud800')", "error"),
    ("chr(0)", "ok"),
    ("b'\\xff'", "ok"),
    ("Exception", "ok"),
    ("raise Exception('\\ud800\\0')", "error"),
    ("class E(Exception):\n  def __str__(self): raise E\nraise E", "error"),
    ("raise type('x' * 10 ** 5, (Exception,), {})", "error"),
    (
        "e = Exception()\nfor _ in range(10 ** 5):\n  n = Exception(); n.__cause__ = e; e = n\nraise e",
        "error|memory_limit|crashed|timeout",
    ),
];
