# What Python runs in the sandbox: it takes one script, runs it, answers, and ends. It talks over the
# socket that it was given as standard input; standard output and error are the script's own.
import builtins
import ctypes
import json
import linecache
import os
import stat
import struct
import sys
import traceback
import types
from ast import Expr, Expression, Module, parse

SCRIPT = 'script.py'
FILES = '/files'
MAX_TEXT = 16000
MAX_DEPTH = 60


def forbid_programs(program):
    """Adds the system call filter that could not be there when Python itself was started."""
    class Program(ctypes.Structure):
        _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_char_p)]
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    argument = Program(len(program) // 8, program)
    no_new_privileges, set_filter, filter_mode = 38, 22, 2
    if prctl(no_new_privileges, 1, 0, 0, 0) or prctl(set_filter, filter_mode, ctypes.byref(argument), 0, 0):
        raise OSError(ctypes.get_errno(), 'no system call filter')


def read_exactly(socket, size):
    data = bytearray()
    while len(data) < size:
        piece = os.read(socket, min(size - len(data), 1 << 20))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def write_all(socket, data, write=os.write):
    view = memoryview(data)
    while view:
        view = view[write(socket, view[:1 << 20]):]


def identity(found):
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def stage(socket, headers):
    """Puts the script's files where it finds them."""
    staged = {}
    for header in headers:
        path = FILES + '/' + header['name']
        with open(path, 'xb') as file:
            file.write(read_exactly(socket, header['size']))
        staged[path] = identity(os.stat(path))
    return staged


def changed_files(staged, max_files):
    """The regular files that are new or different. Folders are walked without recursion."""
    found, folders = [], [FILES]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    folders.append(entry.path)
                elif stat.S_ISREG(info.st_mode) and staged.get(entry.path) != identity(info):
                    found.append(entry.path)
                    if len(found) > max_files:
                        return None
    return sorted(found)


def read_file(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, 'rb') as file:
        return file.read()


class TooLarge(Exception):
    pass


class ResultError(ValueError):
    pass


def to_json(value, max_bytes):
    """The value as JSON text, built without recursion; what has no JSON form becomes its text."""
    pieces, size, stack = [], 0, []

    def add(piece):
        nonlocal size
        size += len(piece)
        if size > max_bytes:
            raise TooLarge
        pieces.append(piece)

    def open_container(value):
        if len(stack) >= MAX_DEPTH:
            raise ResultError('The value of the last expression is nested more than %d levels deep' % MAX_DEPTH)
        is_map = isinstance(value, dict)
        add('{' if is_map else '[')
        stack.append([iter(value.items() if is_map else value), is_map, True])

    def write(value):
        value = plain(value)
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            open_container(value)
        else:
            add(scalar(value))

    write(value)
    while stack:
        top = stack[-1]
        try:
            item = next(top[0])
        except StopIteration:
            stack.pop()
            add('}' if top[1] else ']')
            continue
        if not top[2]:
            add(',')
        top[2] = False
        if top[1]:
            key, item = item
            add(text(key if isinstance(key, str) else str(key)) + ':')
        write(item)
    return ''.join(pieces)


def plain(value):
    """Arrays, tables and such as lists and dictionaries."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, dict, list, tuple, set, frozenset)):
        return value
    kind = type(value).__name__
    if kind == 'DataFrame' and hasattr(value, 'to_dict'):
        return value.to_dict('records')
    if kind == 'Series' and hasattr(value, 'to_dict'):
        return value.to_dict()
    if hasattr(value, 'tolist') and not isinstance(value, type):
        return value.tolist()
    if hasattr(value, 'isoformat') and not isinstance(value, type):
        return value.isoformat()
    if isinstance(value, (range, type({}.keys()), type({}.values()))):
        return list(value) if len(value) <= 100000 else repr(value)
    return value


def scalar(value):
    if value is None:
        return 'null'
    if value is True or value is False:
        return 'true' if value else 'false'
    if isinstance(value, int):
        number = int(value)
        return str(number) if number.bit_length() <= 63 else text(repr_of(number))
    if isinstance(value, float):
        number = float(value)
        return repr(number) if number - number == 0 else 'null'
    return text(value if isinstance(value, str) else repr_of(value))


def repr_of(value):
    try:
        return repr(value)
    except ValueError:
        return 'an integer of %d bits' % value.bit_length()


def text(value, dumps=json.dumps):
    return dumps(str(value), ensure_ascii=False)


def run(code, namespace):
    """Runs the script; the value of its last expression is its result."""
    tree = parse(code, SCRIPT)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], Expr) else None
    exec(compile(tree, SCRIPT, 'exec'), namespace)
    if last is not None:
        return eval(compile(Expression(last.value), SCRIPT, 'eval'), namespace)


def describe(error):
    """An error without the frames of this runner."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != SCRIPT:
        frames = frames.tb_next
    line, frame = None, frames
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == SCRIPT:
            line = frame.tb_lineno
        frame = frame.tb_next
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        line = error.lineno
    try:
        message = str(error)
        trace = ''.join(traceback.format_exception(type(error), error, frames))
    except BaseException as second:
        message, trace = 'The error has no text: ' + type(second).__name__, ''
    if len(trace) > MAX_TEXT:
        trace = trace[:MAX_TEXT // 2] + '\n...\n' + trace[-MAX_TEXT // 2:]
    return {'type': type(error).__name__[:200], 'message': message[:MAX_TEXT], 'line': line, 'traceback': trace or None}


def answer(request, staged):
    """Runs the script and gives its response, with the result as JSON text beside it."""
    module = types.ModuleType('__main__')
    namespace = module.__dict__
    namespace['__builtins__'] = builtins
    sys.modules['__main__'] = module
    if 'input' in request:
        namespace['input'] = request['input']
    code = request['code']
    linecache.cache[SCRIPT] = (len(code), None, code.splitlines(True), SCRIPT)
    response, result = {'status': 'ok', 'error': None}, 'null'
    try:
        result = to_json(run(code, namespace), request['output_bytes'])
    except SystemExit as stop:
        if stop.code not in (None, 0):
            response = {'status': 'error', 'error': describe(stop)}
    except TooLarge:
        message = 'The script returned more than %d bytes' % request['output_bytes']
        response = {'status': 'output_limit', 'error': {'type': 'OutputLimit', 'message': message}}
    except MemoryError as error:
        error = describe(error)
        error['message'] = error['message'] or 'out of memory'
        response = {'status': 'memory_limit', 'error': error}
    except BaseException as error:
        response = {'status': 'error', 'error': describe(error)}
    namespace.clear()
    return response, result


def main(exec_filter):
    socket = os.dup(0)
    nothing = os.open('/dev/null', os.O_RDWR)
    os.dup2(nothing, 0)
    os.set_inheritable(socket, False)
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(FILES)
    sys.argv = [SCRIPT]
    forbid_programs(bytes.fromhex(exec_filter))
    exit_now, pack, dumps, encode = os._exit, struct.pack, json.dumps, str.encode
    write_all(socket, b'w' + pack('<I', 0))
    request = json.loads(read_exactly(socket, struct.unpack('<I', read_exactly(socket, 4))[0]))
    staged = stage(socket, request['files'])
    response, result = answer(request, staged)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    files, contents = [], []
    try:
        paths = changed_files(staged, request['max_files'])
        if paths is None:
            message = 'A script may leave at most %d files' % request['max_files']
            response = {'status': 'output_limit', 'error': {'type': 'FilesLimit', 'message': message}}
            result, paths = 'null', []
        for path in paths:
            contents.append(read_file(path))
            files.append({'name': path[len(FILES) + 1:], 'size': len(contents[-1])})
    except (OSError, ValueError, MemoryError) as error:
        response = {'status': 'error', 'error': describe(error)}
        result, files, contents = 'null', [], []
    response['files'] = files
    head = dumps(response, ensure_ascii=False)
    body = encode(head[:-1] + ', "result": ' + result + '}', 'utf-8', 'replace')
    write_all(socket, b'r' + pack('<I', len(body)) + body)
    for content in contents:
        write_all(socket, content)
    exit_now(0)


main(sys.argv[1])
