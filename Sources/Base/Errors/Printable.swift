/// A text on one line, as a terminal can show it: control characters, which could end the line, move the
/// cursor or hide what stands before, are escaped (`\\u{1b}`).
package func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  var shown = ""
  for scalar in text.unicodeScalars { append(scalar, to: &shown) }
  return shown
}

/// A text of several lines that others wrote, in which nothing but tabs stays as it is.
package func printableText(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  var shown = ""
  for scalar in text.unicodeScalars {
    if scalar == "\n" || scalar == "\t" {
      shown.unicodeScalars.append(scalar)
    } else {
      append(scalar, to: &shown)
    }
  }
  return shown
}

/// A text of several lines, in which tabs and the colours of heat maps (`ESC [ 38 ; 5 ; 16 m`) stay as they are.
package func printableLines(_ text: String) -> String {
  var scalars = text.unicodeScalars[...]
  guard scalars.contains(where: { isControl($0) && $0 != "\n" }) else { return text }
  var shown = ""
  while let scalar = scalars.first {
    if let color = color(scalars) {
      shown += String(color)
      scalars = scalars[color.endIndex...]
      continue
    }
    scalars.removeFirst()
    if scalar == "\n" || scalar == "\t" {
      shown.unicodeScalars.append(scalar)
    } else {
      append(scalar, to: &shown)
    }
  }
  return shown
}

/// JSON text with the same characters, which stand in its strings alone, escaped as JSON has it.
package func printableJSON(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: { isControl($0) && $0 != "\n" }) else { return text }
  var shown = ""
  for scalar in text.unicodeScalars {
    if isControl(scalar), scalar != "\n" {
      let digits = String(scalar.value, radix: 16)
      shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}

/// The escape sequence that sets a colour of a letter or its ground, or ends that, where a text begins with one. Others
/// that look like it hide a text or let it blink.
private func color(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView? {
  guard text.starts(with: ["\u{1b}", "["] as [Unicode.Scalar]) else { return nil }
  let end = text.dropFirst(2).firstIndex { !("0"..."9").contains($0) && $0 != ";" }
  guard let end, text[end] == "m" else { return nil }
  let colors = /0|[34]8;(5;[0-9]+|2;[0-9]+;[0-9]+;[0-9]+)(;48;(5;[0-9]+|2;[0-9]+;[0-9]+;[0-9]+))?/
  guard String(text[..<end].dropFirst(2)).wholeMatch(of: colors) != nil else { return nil }
  return text[...end]
}

private func append(_ scalar: Unicode.Scalar, to text: inout String) {
  if isControl(scalar) {
    text += "\\u{" + String(scalar.value, radix: 16) + "}"
  } else {
    text.unicodeScalars.append(scalar)
  }
}

/// Of C0, C1, delete, the marks that turn the direction of writing, and the other ends of a line.
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    || (0x200E...0x200F).contains(scalar.value) || (0x2028...0x202E).contains(scalar.value)
    || (0x2066...0x2069).contains(scalar.value)
}
