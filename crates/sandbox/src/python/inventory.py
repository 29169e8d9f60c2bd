import importlib.util
import platform

KNOWN = ('numpy', 'pandas', 'scipy', 'matplotlib', 'seaborn', 'sklearn', 'statsmodels', 'PIL', 'openpyxl', 'xlsxwriter', 'docx', 'pypdf',
         'bs4', 'lxml', 'yaml', 'tabulate', 'sympy', 'networkx')
installed = [name for name in KNOWN if importlib.util.find_spec(name)]
{'version': platform.python_version(), 'modules': installed}
