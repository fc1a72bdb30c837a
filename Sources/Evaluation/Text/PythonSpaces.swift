extension Unicode.Scalar {
  /// What Python's `str.strip` takes away, and so does `trim` in a template.
  var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}

extension String {
  /// The text without spaces and line feeds at its ends, as Python's `str.strip` gives it.
  var withoutOuterSpaces: String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return "" }
    return String(scalars[first...last])
  }
}
