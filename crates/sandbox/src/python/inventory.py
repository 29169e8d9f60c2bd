import importlib.util
import platform

KNOWN = ('numpy', 'pandas', 'scipy', 'matplotlib', 'seaborn', 'sklearn', 'statsmodels', 'PIL', 'openpyxl', 'xlsxwriter', 'yaml', 'sympy',
         'networkx', 'pypdf', 'pymupdf', 'pdfplumber', 'docx', 'pptx', 'bs4', 'lxml', 'tabulate')
installed = [name for name in KNOWN if importlib.util.find_spec(name)]
{'version': platform.python_version(), 'modules': installed}
