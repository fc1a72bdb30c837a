import Foundation

/// A scale of colours from 0 to 1. Those of amounts have a luminance that only rises, or only falls:
/// they read the same to colour-blind eyes and in print. That of changes is light in the middle, with
/// ends that colour-blind eyes tell apart.
package struct ColorScale: Sendable, Equatable {
  /// A colour in sRGB, components from 0 to 255.
  package struct Color: Sendable, Equatable {
    package var red: Double
    package var green: Double
    package var blue: Double

    package init(_ red: Double, _ green: Double, _ blue: Double) {
      self.red = red
      self.green = green
      self.blue = blue
    }

    /// `#rrggbb`.
    package var hex: String {
      let parts = [red, green, blue].map { Int(min(max($0, 0), 255).rounded()) }
      return String(format: "#%02x%02x%02x", parts[0], parts[1], parts[2])
    }

    /// Relative luminance after WCAG 2, from 0 (black) to 1 (white).
    package var luminance: Double {
      func linear(_ component: Double) -> Double {
        let share = component / 255
        return share <= 0.03928 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// Whether black is easier to read on it than white; the better of the two always has a
    /// contrast of at least 4.5.
    package var wantsBlackInk: Bool { (luminance + 0.05) * (luminance + 0.05) > 0.05 * 1.05 }
  }

  private let stops: [Color]

  private init(_ stops: [Color]) { self.stops = stops }

  private static let ramp = [
    Color(26, 22, 66), Color(40, 62, 134), Color(38, 116, 146), Color(96, 172, 130),
    Color(248, 232, 142),
  ]

  /// From dark blue over teal to pale yellow: light is much. For shares of success.
  package static let lightIsMuch = ColorScale(ramp)
  /// From pale yellow over teal to dark blue: dark is much. For errors and damage.
  package static let darkIsMuch = ColorScale(ramp.reversed())

  /// From rust over nearly white to blue: what falls, stays, rises. For differences.
  package static let riseIsBlue = ColorScale(changes)
  /// From blue over nearly white to rust. For differences of which a rise is a loss.
  package static let riseIsRust = ColorScale(changes.reversed())

  private static let changes = [
    Color(140, 58, 12), Color(214, 132, 74), Color(245, 241, 234), Color(96, 150, 204),
    Color(18, 66, 130),
  ]

  /// The colour of a share; shares outside 0...1 take the nearer end, one that is not a number
  /// takes the start.
  package func color(_ share: Double) -> Color {
    let place = min(max(share.isFinite ? share : 0, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let rest = place - Double(index)
    let (one, two) = (stops[index], stops[index + 1])
    func mix(_ a: Double, _ b: Double) -> Double { a + (b - a) * rest }
    return Color(
      mix(one.red, two.red), mix(one.green, two.green), mix(one.blue, two.blue))
  }
}
