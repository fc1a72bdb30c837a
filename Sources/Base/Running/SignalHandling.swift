import CKernels

/// What happens to a running program from outside.
package enum SignalHandling {
  /// On SIGINT, SIGTERM and SIGHUP removes the temporary file of an unfinished output and exits with
  /// 130, 143 or 129; on SIGQUIT, SIGXCPU and what a fault of the program raises it removes it too, and
  /// the process ends by the same signal. On SIGBUS, which a mapped file raises when it is truncated
  /// while it is read, also names the file in one line and exits with 74; where memory ran out, says so
  /// and exits with 70.
  package static func install() { rc_install_signal_handlers() }

  /// Puts the signals from outside off while files change places, which must not stop in the middle.
  package static func hold() { rc_hold_signals(1) }

  /// Lets them end the program again, with one that came in the meantime.
  package static func release() { rc_hold_signals(0) }

  /// Names a process that is waited for, which they end too; nil once it has ended.
  package static func passOn(to process: Int32?) { rc_set_child(process ?? 0) }

  /// What they say on standard error, its line end included; nil for nothing.
  package static func setStopLine(_ line: String?) { rc_set_stop_line(line) }

  /// Ends this process as SIGTERM does when the process of this number, its parent, ends.
  package static func end(withParent parent: Int32) { rc_end_with_parent(parent) }
}
