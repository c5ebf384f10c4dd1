(** The cells' backward functions, unit by unit: each is the derivative of the forward function beside it.

    An activation is given as refseq/primitives.py gives it: a value, and a slope computed from the value. tanh has the
    slope 1 - y y, the sigmoid y (1 - y). *)
From Coq Require Import Ring.
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** The identities behind the theorems, in any commutative ring. *)
Section Identities.

Variables (T : Type) (zero one : T) (add mul sub : T -> T -> T) (opp : T -> T).
Hypothesis laws : ring_theory zero one add mul sub opp eq.
Add Ring laws : laws.
Local Infix "+" := add.
Local Infix "*" := mul.
Local Infix "-" := sub.

Lemma update_identity d z n h sz sn az an dh :
  d * (sz * az * h + z * dh + (opp (sz * az) * n + (one - z) * (sn * an)))
  = d * (h - n) * sz * az + d * (one - z) * sn * an + d * z * dh.
Proof. ring. Qed.

Lemma reset_identity d r h sr ar dh : d * (sr * ar * h + r * dh) = d * h * sr * ar + d * r * dh.
Proof. ring. Qed.

Lemma leaky_identity d mu g h sm l sg z dh :
  d * (sm * l * h + mu * dh + (opp (sm * l) * g + (one - mu) * (sg * z)))
  = d * (one - mu) * sg * z + d * mu * dh + d * (h - g) * sm * l.
Proof. ring. Qed.

Lemma after_identity d z n h sz sn sr q r az an ar dh dq :
  d * (sz * az * h + z * dh + (opp (sz * az) * n + (one - z) * (sn * (an + (sr * ar * q + r * dq)))))
  = d * (one - z) * sn * q * sr * ar + d * (h - n) * sz * az + d * (one - z) * sn * an
    + d * (one - z) * sn * r * dq + d * z * dh.
Proof. ring. Qed.

Lemma lstm_identity dc1 dh1 i f g o c t si sf sg so st ai af ag ao dc :
  dc1 * (sf * af * c + f * dc + (si * ai * g + i * (sg * ag)))
    + dh1 * (so * ao * t + o * (st * (sf * af * c + f * dc + (si * ai * g + i * (sg * ag)))))
  = (dc1 + dh1 * o * st) * g * si * ai + (dc1 + dh1 * o * st) * c * sf * af
    + (dc1 + dh1 * o * st) * i * sg * ag + dh1 * t * so * ao + (dc1 + dh1 * o * st) * f * dc.
Proof. ring. Qed.

Lemma coupled_identity dc1 dh1 f g o c t sf sg so st af ag ao dc :
  dc1 * (sf * af * c + f * dc + (opp (sf * af) * g + (one - f) * (sg * ag)))
    + dh1 * (so * ao * t + o * (st * (sf * af * c + f * dc + (opp (sf * af) * g + (one - f) * (sg * ag)))))
  = ((dc1 + dh1 * o * st) * c - (dc1 + dh1 * o * st) * g) * sf * af
    + (dc1 + dh1 * o * st) * (one - f) * sg * ag + dh1 * t * so * ao + (dc1 + dh1 * o * st) * f * dc.
Proof. ring. Qed.

End Identities.

Section Units.

Variable F : realFieldType.

Lemma field_laws : ring_theory (0 : F) 1 +%R *%R (fun a b => a - b) -%R eq.
Proof.
by split=> //; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC | exact: mulrA
               | exact: mulrDl | exact: subrr].
Qed.

(** The activation f is differentiable at a, and its slope is computed from its value there. *)
Definition sloped (f slope : F -> F) a : Prop := slope_at f a (slope (f a)).

Lemma moved f slope (a : F -> F) da : sloped f slope (a 0) -> derivative a da ->
  derivative (fun r => f (a r)) (slope (f (a 0)) * da).
Proof. exact: derivative_comp. Qed.

Lemma opposite (u : F -> F) du : derivative u du -> derivative (fun r => 1 - u r) (- du).
Proof.
move=> /(derivative_scale (-1))/(derivative_add (derivative_const 1)); rewrite add0r mulN1r.
by apply: derivative_ext => r; rewrite mulN1r.
Qed.

(** Any activation: dz = dy slope(y).
    Code: refseq/cells/activated.py activated
    Scope: every ordered field (the real numbers), activation differentiable at the point, cotangent *)
Theorem activated_backward f slope z dz dy : sloped f slope (z 0) -> derivative z dz ->
  derivative (fun r => dy * f (z r)) (dy * slope (f (z 0)) * dz).
Proof. by move=> s mz; rewrite -mulrA; apply: derivative_scale; apply: moved. Qed.

(** The leaky unit with a learned mu = m(l): dz = dy (1 - mu) slope(g), dh = dy mu, dl = dy (h - g) slope(mu). For a
    preset mu let l not move.
    Code: refseq/cells/leaky.py build
    Scope: every ordered field (the real numbers), activations differentiable at the point, cotangent *)
Theorem leaky_backward f slope m slope_m z l h dz dl dh dy
    (g := fun r => f (z r)) (mu := fun r => m (l r)) :
  sloped f slope (z 0) -> sloped m slope_m (l 0) -> derivative z dz -> derivative l dl -> derivative h dh ->
  derivative (fun r => dy * (mu r * h r + (1 - mu r) * g r))
    (dy * (1 - mu 0) * slope (g 0) * dz + dy * mu 0 * dh + dy * (h 0 - g 0) * slope_m (mu 0) * dl).
Proof.
move=> sf sm mz ml mh; have mg := moved sf mz; have mmu := moved sm ml.
have := derivative_scale dy (derivative_add (derivative_mul mmu mh) (derivative_mul (opposite mmu) mg)).
by rewrite (leaky_identity field_laws).
Qed.

(** A GRU's reset gate before the product: v = r h.
    Code: refseq/cells/gru.py apply_reset_backward
    Scope: every ordered field (the real numbers), activation differentiable at the point, cotangent *)
Theorem reset_backward s slope a h da dh dv (gate := fun r => s (a r)) :
  sloped s slope (a 0) -> derivative a da -> derivative h dh ->
  derivative (fun r => dv * (gate r * h r)) (dv * h 0 * slope (gate 0) * da + dv * gate 0 * dh).
Proof.
move=> ss ma mh; have := derivative_scale dv (derivative_mul (moved ss ma) mh).
by rewrite (reset_identity field_laws).
Qed.

(** A GRU's new state h1 = z h + (1 - z) n.
    Code: refseq/cells/gru.py update_backward
    Scope: every ordered field (the real numbers), activations differentiable at the point, cotangent *)
Theorem update_backward s slope f slope_f az an h daz dan dh dh1 (z := fun r => s (az r)) (n := fun r => f (an r)) :
  sloped s slope (az 0) -> sloped f slope_f (an 0) -> derivative az daz -> derivative an dan -> derivative h dh ->
  derivative (fun r => dh1 * (z r * h r + (1 - z r) * n r))
    (dh1 * (h 0 - n 0) * slope (z 0) * daz + dh1 * (1 - z 0) * slope_f (n 0) * dan + dh1 * z 0 * dh).
Proof.
move=> ss sf maz man mh; have mz := moved ss maz; have mn := moved sf man.
have := derivative_scale dh1 (derivative_add (derivative_mul mz mh) (derivative_mul (opposite mz) mn)).
by rewrite (update_identity field_laws).
Qed.

(** A GRU with the reset gate after the product: n = f(an + r q), q = un + b_hn; un and b_hn have the same gradient.
    Code: refseq/cells/gru.py backward_after
    Scope: every ordered field (the real numbers), activations differentiable at the point, cotangent *)
Theorem update_after_backward s slope f slope_f ar az an q h dar daz dan dq dh dh1
    (gate := fun t => s (ar t)) (z := fun t => s (az t)) (n := fun t => f (an t + gate t * q t)) :
  sloped s slope (ar 0) -> sloped s slope (az 0) -> sloped f slope_f (an 0 + gate 0 * q 0) ->
  derivative ar dar -> derivative az daz -> derivative an dan -> derivative q dq -> derivative h dh ->
  derivative (fun t => dh1 * (z t * h t + (1 - z t) * n t))
    (dh1 * (1 - z 0) * slope_f (n 0) * q 0 * slope (gate 0) * dar + dh1 * (h 0 - n 0) * slope (z 0) * daz
     + dh1 * (1 - z 0) * slope_f (n 0) * dan + dh1 * (1 - z 0) * slope_f (n 0) * gate 0 * dq + dh1 * z 0 * dh).
Proof.
move=> sr sz sf mar maz man mq mh; have mz := moved sz maz; have mr := moved sr mar.
have mn := @moved f slope_f (fun t => an t + gate t * q t) _ sf (derivative_add man (derivative_mul mr mq)).
have := derivative_scale dh1 (derivative_add (derivative_mul mz mh) (derivative_mul (opposite mz) mn)).
by rewrite (after_identity field_laws).
Qed.

(** An LSTM: c1 = f c + i g, h1 = o psi(c1). With d = dc1 + dh1 o slope(psi(c1)) the gates' pre-activations get d g,
    d c, d i and dh1 psi(c1), times their slopes, and the old memory d f.
    Code: refseq/cells/lstm_memory.py remember, emit, both; refseq/cells/lstm_stages.py together
    Scope: every ordered field (the real numbers), activations differentiable at the point, cotangents *)
Theorem lstm_backward s ss f sf psi spsi ai af ag ao c dai daf dag dao dc dc1 dh1
    (i := fun r => s (ai r)) (k := fun r => s (af r)) (g := fun r => f (ag r)) (o := fun r => s (ao r))
    (c1 := fun r => k r * c r + i r * g r) (h1 := fun r => o r * psi (c1 r))
    (d := dc1 + dh1 * o 0 * spsi (psi (c1 0))) :
  sloped s ss (ai 0) -> sloped s ss (af 0) -> sloped f sf (ag 0) -> sloped s ss (ao 0) -> sloped psi spsi (c1 0) ->
  derivative ai dai -> derivative af daf -> derivative ag dag -> derivative ao dao -> derivative c dc ->
  derivative (fun r => dc1 * c1 r + dh1 * h1 r)
    (d * g 0 * ss (i 0) * dai + d * c 0 * ss (k 0) * daf + d * i 0 * sf (g 0) * dag
     + dh1 * psi (c1 0) * ss (o 0) * dao + d * k 0 * dc).
Proof.
move=> si sk sg so sp mi mk mg mo mc.
have mc1 := derivative_add (derivative_mul (moved sk mk) mc) (derivative_mul (moved si mi) (moved sg mg)).
have mh1 := derivative_mul (moved so mo) (@moved psi spsi c1 _ sp mc1).
have := derivative_add (derivative_scale dc1 mc1) (derivative_scale dh1 mh1).
by rewrite (lstm_identity field_laws).
Qed.

(** An LSTM with coupled gates, i = 1 - f: the forget gate's pre-activation gets d (c - g).
    Code: refseq/cells/lstm_memory.py remember, emit, coupled; refseq/cells/lstm_stages.py together
    Scope: every ordered field (the real numbers), activations differentiable at the point, cotangents *)
Theorem coupled_backward s ss f sf psi spsi af ag ao c daf dag dao dc dc1 dh1
    (k := fun r => s (af r)) (g := fun r => f (ag r)) (o := fun r => s (ao r))
    (c1 := fun r => k r * c r + (1 - k r) * g r) (h1 := fun r => o r * psi (c1 r))
    (d := dc1 + dh1 * o 0 * spsi (psi (c1 0))) :
  sloped s ss (af 0) -> sloped f sf (ag 0) -> sloped s ss (ao 0) -> sloped psi spsi (c1 0) ->
  derivative af daf -> derivative ag dag -> derivative ao dao -> derivative c dc ->
  derivative (fun r => dc1 * c1 r + dh1 * h1 r)
    ((d * c 0 - d * g 0) * ss (k 0) * daf + d * (1 - k 0) * sf (g 0) * dag + dh1 * psi (c1 0) * ss (o 0) * dao
     + d * k 0 * dc).
Proof.
move=> sk sg so sp mk mg mo mc; have mk' := moved sk mk.
have mc1 := derivative_add (derivative_mul mk' mc) (derivative_mul (opposite mk') (moved sg mg)).
have mh1 := derivative_mul (moved so mo) (@moved psi spsi c1 _ sp mc1).
have := derivative_add (derivative_scale dc1 mc1) (derivative_scale dh1 mh1).
by rewrite (coupled_identity field_laws).
Qed.

End Units.
