import importlib.util
import platform

KNOWN = ('numpy', 'pandas', 'scipy', 'matplotlib', 'sklearn', 'PIL', 'openpyxl', 'yaml', 'sympy', 'networkx',
         'pypdf', 'pymupdf', 'pdfplumber', 'docx', 'pptx')
installed = [name for name in KNOWN if importlib.util.find_spec(name)]
{'version': platform.python_version(), 'modules': installed}
