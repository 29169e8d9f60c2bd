// Imports and exports in a script, which is no module.
(function () {
  'use strict'
  // A script is no module; its imports become constants of the same lines, and its exports what they name.
  function rewriteImports(code) {
    code = code.replace(/^([ \t]*)export[ \t]+(?=(const|let|var|function|class|async)\b)/gm, '$1')
      .replace(/^([ \t]*)export[ \t]+default[ \t]+(?=(?:async[ \t]+)?(?:function\b[ \t]*\*?|class)[ \t]+(?!extends\b)[\w$])/gm, '$1')
      .replace(/^([ \t]*)export[ \t]+default[ \t]+/gm, '$1' + '0, ')
      .replace(/^([ \t]*)export[ \t]*\{([^{}]*)\}(?!\s*from)[ \t]*;?/gm, (all, indent, names) => indent + '\n'.repeat(names.split('\n').length - 1))
    const pattern = /^([ \t]*)import\s+(?:([\w$*\s{},]+?)\s+from\s+)?(['"])([^'"\n]+)\3[ \t]*;?/gm
    return code.replace(pattern, (all, indent, clause, quote, name) => {
      const module = `require(${quote}${name}${quote})`
      const lines = '\n'.repeat(all.split('\n').length - 1)
      if (clause === undefined) return `${indent}${module};${lines}`
      const named = clause.match(/\{([^}]*)\}/)
      const single = clause.replace(/\{[^}]*\}/, '').split(',').map((part) => part.trim().replace(/^\*\s+as\s+/, '')).filter(Boolean)
      const constants = single.map((part) => `${part} = ${module}`)
      if (named) constants.push(`{ ${named[1].trim().replace(/\s+as\s+/g, ': ').replace(/\s+/g, ' ')} } = ${module}`)
      return `${indent}const ${constants.join(', ')};${lines}`
    })
  }
  return { rewriteImports }
})
