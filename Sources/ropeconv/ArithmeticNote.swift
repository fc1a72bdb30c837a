import Reports
import Tensors

/// What bfloat16 products mean for a result whose arithmetic nobody asked for.
struct ArithmeticNote {
  /// How many times as long the same products take in float32.
  let slowdown: Double

  /// A line of a result's text.
  var text: String {
    "note        bf16 by --compute auto: digits depend on the CPU; with --compute f32 CPUs agree to"
      + " about 1e-7, \(duration)"
  }

  /// To the nearest half: a short probe beside other work tells no more.
  private var duration: String {
    let halves = (slowdown * 2).rounded() / 2
    return halves <= 1
      ? "in about the same time" : "in up to about \(Format.general(halves)) times the time"
  }
}

extension WorkOptions {
  /// A result's text, with a line about bfloat16 where `auto` chose it.
  func stating(_ text: String) -> String {
    guard compute == "auto", Arithmetic.fastest == .bfloat16 else { return text }
    return "\(text)\n\(ArithmeticNote(slowdown: Arithmetic.measuredSlowdown()).text)"
  }
}
