import Base
import Checkpoints

/// What happens on Ctrl-C, termination, and a mapped file that shrinks while it is read.
enum Termination {
  static func install() { SignalHandling.install() }
}
