# Reads the text of a document. It runs in the sandbox; `input` says what to read and how much of it.
import json
import logging
import re
import time
import warnings
import zipfile
from xml.etree import ElementTree

# What libraries have to say would count as output.
logging.disable(logging.CRITICAL)
warnings.simplefilter('ignore')


class Problem(Exception):
    """Why there is no text: a word that the server knows."""


def kind(element):
    return element.tag.rsplit('}', 1)[-1]


# Elements that stand for a character, and those whose text nobody sees.
CHARACTERS = {'tab': '\t', 'ptab': '\t', 'br': '\n', 'cr': '\n', 'noBreakHyphen': '-'}
UNSEEN = {'pPr', 'rPr', 'Fallback', 'instrText', 'delText', 'del'}


def text_of(element):
    name = kind(element)
    if name == 't':
        return element.text or ''
    if name in UNSEEN:
        return ''
    return CHARACTERS.get(name, '') + ''.join(map(text_of, element))


def rows(table):
    for child in table:
        if kind(child) == 'tr':
            yield child
        elif kind(child) in ('sdt', 'sdtContent', 'ins', 'moveTo'):
            yield from rows(child)


def attribute(element, name):
    """The first value of an attribute `val` below an element of this name."""
    for child in element.iter():
        if kind(child) == name:
            return next((value for key, value in child.attrib.items() if key.endswith('}val')), '')
    return ''


def heading_levels(archive):
    """The levels of the styles that headings have, whose ids differ by language."""
    levels = {}
    if 'word/styles.xml' in archive.namelist():
        for style in xml(archive, 'word/styles.xml'):
            level = re.fullmatch(r'heading ([1-6])', attribute(style, 'name').lower())
            names = [value for key, value in style.attrib.items() if key.endswith('}styleId')]
            levels.update({name: int(level[1]) for name in names if level})
    return levels


def paragraphs(element, levels={}):
    """The paragraphs, headings as in Markdown, and the rows of tables as lines."""
    for child in element:
        name = kind(child)
        if name == 'p':
            text, properties = text_of(child), next(iter(child), None)
            style = properties is not None and kind(properties) == 'pPr' and attribute(properties, 'pStyle')
            level = levels.get(style, 0) if text.strip() else 0
            yield '#' * level + ' ' * bool(level) + text
        elif name == 'tbl':
            for row in rows(child):
                cells = (cell for cell in row if kind(cell) == 'tc')
                yield ' | '.join(' '.join(paragraphs(cell)) for cell in cells)
        elif name not in UNSEEN:
            yield from paragraphs(child, levels)


def xml(archive, name):
    with archive.open(name) as file:
        return ElementTree.parse(file).getroot()


def docx(path):
    archive = zipfile.ZipFile(path)
    notes = [name for name in ('word/footnotes.xml', 'word/endnotes.xml') if name in archive.namelist()]
    roots = [xml(archive, name) for name in ['word/document.xml'] + notes]
    levels = heading_levels(archive)
    return None, iter(['\n'.join(line for root in roots for line in paragraphs(root, levels))])


def pptx(path):
    archive = zipfile.ZipFile(path)
    matches = [re.fullmatch(r'ppt/slides/slide(\d+)\.xml', name) for name in archive.namelist()]
    names = [match[0] for match in sorted(filter(None, matches), key=lambda match: int(match[1]))]
    slides = (xml(archive, name) for name in names)
    lines = ((text_of(part) for part in slide.iter() if kind(part) == 'p') for slide in slides)
    return len(names), map('\n'.join, lines)


def with_pymupdf(path):
    import pymupdf
    document = pymupdf.open(path, filetype='pdf')
    if document.needs_pass and not document.authenticate(''):
        raise Problem('protected')
    return document.page_count, (page.get_text() for page in document)


def with_pypdf(path):
    from pypdf import PdfReader
    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(''):
        raise Problem('protected')
    return len(reader.pages), (page.extract_text() for page in reader.pages)


def with_pdfplumber(path):
    import pdfplumber
    document = pdfplumber.open(path)
    return len(document.pages), (page.extract_text() or '' for page in document.pages)


def pdf(path):
    for reader in (with_pymupdf, with_pypdf, with_pdfplumber):
        try:
            return reader(path)
        except ImportError:
            pass
    raise Problem('no_library')


def storable(text):
    return text.replace('\0', '').encode('utf-8', 'replace').decode('utf-8')


def read(reader, max_pages, max_chars, seconds):
    end = time.monotonic() + seconds
    count, texts = reader('document')
    pages, room, is_cut = [], max_chars, False
    for number, text in enumerate(texts, 1):
        text = storable(text)
        pages.append({'number': count and number, 'text': text[:room]})
        is_cut = len(text) > room
        room -= len(text)
        if room <= 0 or len(pages) == max_pages or time.monotonic() > end:
            break
    return {'pages': pages, 'count': count, 'is_cut': is_cut or bool(count) and len(pages) < count}


try:
    found = read({'docx': docx, 'pptx': pptx, 'pdf': pdf}[input.pop('kind')], **input)
except Problem as problem:
    found = {'problem': str(problem)}
except MemoryError:
    raise
except Exception as error:
    found = {'problem': 'damaged', 'why': repr(error)[:500]}
with open('text.json', 'w') as file:
    json.dump(found, file)
