# What a script shows to people: figures, tables and pictures become files in /files.
import os
import sys
import types

FILES = '/files'
shown_names = {}


def free_path(stem, extension):
    """A path for something that has no name of its own: figure-1.png, figure-2.png."""
    while True:
        shown_names[stem] = shown_names.get(stem, 0) + 1
        path = '%s/%s-%d.%s' % (FILES, stem, shown_names[stem], extension)
        if not os.path.lexists(path):
            return path


def display(*values, **_):
    """Shows figures, tables, pictures and pages as files, and anything else as text."""
    for value in values:
        show(value)


def show(value):
    kind = type(value).__name__
    if is_figure(value):
        return show_figure(value)
    if kind == 'Figure' and hasattr(value, 'write_html'):
        return value.write_html(free_path('figure', 'html'))
    if kind in ('DataFrame', 'Series') and hasattr(value, 'iloc'):
        return show_table(value)
    pillow = sys.modules.get('PIL.Image')
    if pillow is not None and isinstance(value, pillow.Image):
        return save_picture(value)
    for method, extension in (('_repr_png_', 'png'), ('_repr_jpeg_', 'jpg'), ('_repr_svg_', 'svg')):
        picture = getattr(value, method, None)
        picture = picture() if callable(picture) and not isinstance(value, type) else None
        if picture:
            with open(free_path('picture', extension), 'wb') as file:
                return file.write(picture.encode() if isinstance(picture, str) else picture)
    page = getattr(value, '_repr_html_', None)
    page = page() if callable(page) and not isinstance(value, type) else None
    if page:
        with open(free_path('page', 'html'), 'w') as file:
            return file.write(page)
    print(value)


class HTML:
    """What `IPython.display.HTML` is: a page."""

    def __init__(self, data):
        self.data = data

    def _repr_html_(self):
        return self.data


class Markdown(HTML):
    """A text, which is printed."""
    _repr_html_ = None

    def __str__(self):
        return self.data


class Image:
    """A picture of a file or of its bytes."""

    def __init__(self, data=None, filename=None, **_):
        name = filename or (data if isinstance(data, str) else None)
        self.data = open(name, 'rb').read() if name else data

    def _repr_png_(self):
        return self.data if self.data[:4] == b'\x89PNG' else None

    def _repr_jpeg_(self):
        return self.data if self.data[:2] == b'\xff\xd8' else None


def show_table(table):
    table = table.to_frame() if type(table).__name__ == 'Series' else table
    table.to_csv(free_path('table', 'csv'), index=not is_counter(table.index))
    print(table.to_string(max_rows=20))


def save_picture(picture):
    if picture.mode not in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I', 'I;16'):
        picture = picture.convert('RGB')
    picture.save(free_path('picture', 'png'), format='PNG')


def is_figure(value):
    module = sys.modules.get('matplotlib.figure')
    return module is not None and isinstance(value, module.Figure)


def show_figure(figure, *_, **__):
    """Saves a figure under a name of its own; gives the name."""
    path = free_path('figure', 'png')
    figure.savefig(path, bbox_inches='tight')
    return os.path.basename(path)


def show_figures(*_, **__):
    """`plt.show()`: saves the open figures and closes them."""
    show_new_figures()
    sys.modules['matplotlib.pyplot'].close('all')


def show_new_figures():
    """Saves the open figures that have been neither shown nor saved."""
    pyplot = sys.modules.get('matplotlib.pyplot')
    if pyplot is None or not hasattr(pyplot, 'get_fignums'):
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if figure.get_axes() and not getattr(figure, 'is_kept', False):
            show_figure(figure)


def adapt_figure(module):
    save = module.Figure.savefig

    def savefig(figure, *arguments, **options):
        saved = save(figure, *arguments, **options)
        figure.is_kept = True
        return saved

    module.Figure.savefig = savefig
    module.Figure.show = show_figure


def adapt_pyplot(module):
    module.show = show_figures


def adapt_pillow(module):
    module.Image.show = lambda picture, *_, **__: save_picture(picture)


class AdaptingFinder:
    """Changes what would open a window, once it is imported."""
    ADAPT = {'matplotlib.figure': adapt_figure, 'matplotlib.pyplot': adapt_pyplot, 'PIL.Image': adapt_pillow}

    def find_spec(self, name, path=None, target=None):
        adapt = self.ADAPT.get(name)
        if adapt is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                execute = spec.loader.exec_module

                def exec_module(module):
                    execute(module)
                    adapt(module)

                spec.loader.exec_module = exec_module
                return spec
        return None


class NotebookFinder:
    """Gives `from IPython.display import display` where there is no IPython."""

    def find_spec(self, name, path=None, target=None):
        if name not in ('IPython', 'IPython.display'):
            return None
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, self, is_package=name == 'IPython')

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.display, module.HTML, module.Markdown, module.Image = display, HTML, Markdown, Image
        return module

    def exec_module(self, module):
        pass


