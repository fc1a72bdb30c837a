// exp, tanh and the normal distribution's tail on sixteen lanes; NaN stays NaN. The coefficients
// are minimax fits of this project (relative error of the fit below 5e-8, of the functions about
// 1 to 2 units in the last place of float32). Included by the bodies after lanes.h, once per
// variant.

// x without n ln 2, n the integer nearest to near / ln 2; it comes out too.
RC_INLINE rc_floats RC_VARIANT(exp_split)(rc_floats x, rc_floats near, rc_ints *n) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  rc_floats shifted = near * 1.44269504f + round;
  *n = (rc_ints)shifted - 0x4B400000;
  rc_floats k = shifted - round;
  return (x - k * 0.693359375f) - k * -2.12194440e-4f;
}

// exp(r), |r| <= ln 2 / 2.
RC_INLINE rc_floats RC_VARIANT(exp_of_remainder)(rc_floats r) {
  rc_floats p = r * 1.395049155689776e-3f + 8.368889801204205e-3f;
  p = p * r + 4.166620597243309e-2f;
  p = p * r + 1.66665181517601e-1f;
  p = p * r + 0.5f;
  return (p * r) * r + r + 1.0f;
}

// exp(r) for the remainder r of x = n ln 2 + r; the integers n come out too.
RC_INLINE rc_floats RC_VARIANT(exp_remainder)(rc_floats x, rc_ints *n) {
  return RC_VARIANT(exp_of_remainder)(RC_VARIANT(exp_split)(x, x, n));
}

// The same of x + more; `more` is what the rounding of x left out, or another small summand.
RC_INLINE rc_floats RC_VARIANT(exp_remainder_of_sum)(rc_floats x, rc_floats more, rc_ints *n) {
  return RC_VARIANT(exp_of_remainder)(RC_VARIANT(exp_split)(x, x + more, n) + more);
}

RC_INLINE rc_floats RC_VARIANT(power_of_two)(rc_ints n) {
  return (rc_floats)(((rc_words)n + 127u) << 23);
}

// exp(x), with subnormal results and infinity.
RC_INLINE rc_floats RC_VARIANT(exp)(rc_floats x) {
  x = x < -105.0f ? (rc_floats)-105.0f : x;
  x = x > 89.0f ? (rc_floats)89.0f : x;
  rc_ints n;
  rc_floats y = RC_VARIANT(exp_remainder)(x, &n);
  rc_ints half = n >> 1;
  return y * RC_VARIANT(power_of_two)(half) * RC_VARIANT(power_of_two)(n - half);
}

// exp(x) for x <= 0 (a rounding error above it is harmless); below the smallest normal number, 0.
RC_INLINE rc_floats RC_VARIANT(exp_negative)(rc_floats x) {
  rc_ints tiny = x < -87.33654f;
  rc_floats bounded = tiny ? (rc_floats)0.0f : x;
  rc_ints n;
  rc_floats y = RC_VARIANT(exp_remainder)(bounded, &n) * RC_VARIANT(power_of_two)(n);
  return tiny ? (rc_floats)0.0f : y;
}

RC_INLINE rc_floats RC_VARIANT(absolute)(rc_floats x) {
  return (rc_floats)((rc_words)x & 0x7FFFFFFFu);
}

RC_INLINE rc_floats RC_VARIANT(tanh)(rc_floats x) {
  rc_floats z = x * x;
  rc_floats p = z * -5.709496326744556e-3f + 2.0644135773181915e-2f;
  p = p * z + -5.374162271618843e-2f;
  p = p * z + 1.3331469893455505e-1f;
  p = p * z + -3.333328366279602e-1f;
  rc_floats near = x + x * (z * p);
  rc_floats a = RC_VARIANT(absolute)(x);
  rc_floats far = 1.0f - 2.0f / (1.0f + RC_VARIANT(exp)(a + a));
  far = (rc_floats)((rc_words)far | ((rc_words)x & 0x80000000u));
  return a < 0.625f ? near : far;
}

// erfc(x / sqrt(2)) for x >= 0: t exp(q(t) - x^2 / 2), t = 1 / (1 + x / sqrt(8)). The square is
// split into an exact part and a small one, since an error in the exponent is one of the result.
RC_INLINE rc_floats RC_VARIANT(normal_tail)(rc_floats x) {
  x = x > 14.5f ? (rc_floats)14.5f : x;
  rc_floats t = 1.0f / (1.0f + 0.35355339059327376f * x);
  rc_floats q = t * 0.14507801830768585f + -0.681871771812439f;
  q = q * t + 1.1598657369613647f;
  q = q * t + -0.7014878988265991f;
  q = q * t + -0.07490501552820206f;
  q = q * t + -0.0022396212443709373f;
  q = q * t + 0.03605233505368233f;
  q = q * t + 0.3862760066986084f;
  q = q * t + 0.9986830949783325f;
  q = q * t + -1.2654508352279663f;
  rc_floats upper = (rc_floats)((rc_words)x & 0xFFFFF000u);
  rc_floats square = -0.5f * (upper * upper);
  rc_ints n;
  rc_floats y =
    RC_VARIANT(exp_remainder_of_sum)(square, q - 0.5f * ((x - upper) * (x + upper)), &n);
  rc_ints half = n >> 1;
  return t * (y * RC_VARIANT(power_of_two)(half) * RC_VARIANT(power_of_two)(n - half));
}
