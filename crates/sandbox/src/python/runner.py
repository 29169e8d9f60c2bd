# What Python runs in the sandbox: it takes one script, runs it, answers, and ends. It talks over the
# socket that it was given as standard input; standard output and error are the script's own.
import _ast
import builtins
import ctypes
import linecache
import stat
import struct
import traceback

SCRIPT = 'script.py'
MAX_TEXT = 16000
# A code object's flag, as `inspect` has it, which takes long to import.
CO_COROUTINE = 128
FOR_NOTEBOOKS = ('%matplotlib', '%config', '%load_ext', '%autoreload')


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
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'xb') as file:
            file.write(read_exactly(socket, header['size']))
        staged[path] = identity(os.stat(path))
    return staged


class TooMany(Exception):
    pass


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
                        raise TooMany
    return sorted(found)


def parse(code):
    """The script's tree. Lines that only tell a notebook how to show figures are left out."""
    try:
        return compile(code, SCRIPT, 'exec', _ast.PyCF_ONLY_AST)
    except SyntaxError:
        lines = code.split('\n')
        kept = ['' if line.startswith(FOR_NOTEBOOKS) else line for line in lines]
        if kept == lines:
            raise
    return compile('\n'.join(kept), SCRIPT, 'exec', _ast.PyCF_ONLY_AST)


def run(code, namespace):
    """Runs the script; the value of its last expression is its result."""
    tree = parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
    parts = [compile(tree, SCRIPT, 'exec', _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)]
    if last is not None:
        expression = _ast.Expression(last.value)
        parts.append(compile(expression, SCRIPT, 'eval', _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    if any(part.co_flags & CO_COROUTINE for part in parts):
        value = run_coroutine(run_async(parts, namespace))
    else:
        for part in parts:
            value = eval(part, namespace)
        if isinstance(value, types.CoroutineType):
            value = run_coroutine(value)
    show_new_figures()
    return show_figure(value) if is_figure(value) and not getattr(value, 'is_kept', False) else value


async def run_async(parts, namespace):
    for part in parts:
        value = eval(part, namespace)
        if part.co_flags & CO_COROUTINE or isinstance(value, types.CoroutineType):
            value = await value
    return value


def run_coroutine(coroutine):
    import asyncio
    return asyncio.run(coroutine)


def hint(error):
    """What helps where the error's own text does not."""
    if isinstance(error, SyntaxError) and (error.text or '').startswith(('!', '%')):
        return '. Commands of notebooks and shells do not work here, and packages cannot be installed'
    if isinstance(error, ModuleNotFoundError):
        return '. Packages cannot be installed here'
    # The network's own errors wrap what the system says.
    reason = getattr(error, 'reason', None)
    reason = reason if isinstance(reason, OSError) else error
    is_refused = isinstance(reason, PermissionError) and reason.errno == 1 and reason.filename is None
    if is_refused or type(reason).__name__ == 'gaierror':
        return '. Scripts have no network and cannot start processes'
    return ''


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
        message = str(error) + hint(error)
        trace = ''.join(traceback.format_exception(type(error), error, frames))
    except BaseException as second:
        message, trace = 'The error has no text: ' + type(second).__name__, ''
    if len(trace) > MAX_TEXT:
        trace = trace[:MAX_TEXT // 2] + '\n...\n' + trace[-MAX_TEXT // 2:]
    return {'type': type(error).__name__[:200], 'message': message[:MAX_TEXT], 'line': line, 'traceback': trace or None}


def out_of_memory(error):
    """Says so, whatever memory is left."""
    try:
        described = describe(error)
    except MemoryError:
        described = {'type': 'MemoryError', 'message': ''}
    described['message'] = described['message'] or 'The script ran out of memory'
    return {'status': 'memory_limit', 'error': described}


def output_limit(kind, message):
    return {'status': 'output_limit', 'error': {'type': kind, 'message': message}}


def answer(request):
    """Runs the script and gives its response, with the result as JSON text beside it."""
    module = types.ModuleType('__main__')
    namespace = module.__dict__
    namespace['__builtins__'] = builtins
    namespace['display'] = display
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
        response = output_limit('OutputLimit', 'The script returned more than %d bytes' % request['output_bytes'])
    except MemoryError as error:
        response = out_of_memory(error)
    except BaseException as error:
        response = {'status': 'error', 'error': describe(error)}
    namespace.clear()
    return response, result


def open_file(path):
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def measured_files(staged, max_files):
    """The paths and sizes of the new and changed files, which can all be read."""
    measured = []
    for path in changed_files(staged, max_files):
        descriptor = open_file(path)
        measured.append((path, os.fstat(descriptor).st_size))
        os.close(descriptor)
    return measured


def send_file(socket, path, size):
    """Sends as many bytes as were announced, even if a thread of the script still writes."""
    descriptor = open_file(path)
    while size:
        piece = os.read(descriptor, min(size, 1 << 20)) or bytes(min(size, 1 << 20))
        write_all(socket, piece)
        size -= len(piece)
    os.close(descriptor)


def add_packages(folders):
    """What the module `site` does at the start, with the folders that are shown here."""
    import site
    site.setquit()
    site.setcopyright()
    site.sethelper()
    for folder in filter(None, folders):
        site.addsitedir(folder)


def prepare(modules):
    """Imports what takes long, before there is a script."""
    sys.meta_path.insert(0, AdaptingFinder())
    sys.meta_path.append(NotebookFinder())
    for name in modules:
        try:
            __import__(name)
        except Exception:
            # The script will find out by itself.
            pass


def main(exec_filter, packages, modules):
    socket = os.dup(0)
    nothing = os.open('/dev/null', os.O_RDWR)
    os.dup2(nothing, 0)
    os.set_inheritable(socket, False)
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(FILES)
    sys.argv = [SCRIPT]
    forbid_programs(bytes.fromhex(exec_filter))
    add_packages(packages.split(':'))
    prepare(modules)
    # Last, so that a file of the person's hides no module.
    sys.path.append(FILES)
    exit_now, pack, dumps, encode = os._exit, struct.pack, json.dumps, str.encode
    write_all(socket, b'w' + pack('<I', 0))
    request = json.loads(read_exactly(socket, struct.unpack('<I', read_exactly(socket, 4))[0]))
    staged = stage(socket, request['files'])
    # Memory for the answer, however much the script takes.
    reserve = bytearray(3 * request['output_bytes'] + (2 << 20))
    response, result = answer(request)
    del reserve
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    files = []
    try:
        files = measured_files(staged, request['max_files'])
    except TooMany:
        response = output_limit('FilesLimit', 'A script may leave at most %d files' % request['max_files'])
    except MemoryError as error:
        response = out_of_memory(error)
    except (OSError, ValueError) as error:
        response = {'status': 'error', 'error': describe(error)}
    if response['status'] != 'ok':
        result = 'null'
    response['files'] = [{'name': path[len(FILES) + 1:], 'size': size} for path, size in files]
    head = dumps(response, ensure_ascii=False)
    body = encode(head[:-1] + ', "result": ' + result + '}', 'utf-8', 'replace')
    write_all(socket, b'r' + pack('<I', len(body)) + body)
    for path, size in files:
        send_file(socket, path, size)
    exit_now(0)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
