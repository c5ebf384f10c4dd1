(** The LSTM with diagonal peepholes: every gate sees the memory of its own unit, a + p c. *)
From Coq Require Import Ring.
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus Units.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Identities.

Variables (T : Type) (zero one : T) (add mul sub : T -> T -> T) (opp : T -> T).
Hypothesis laws : ring_theory zero one add mul sub opp eq.
Add Ring laws : laws.
Local Infix "+" := add.
Local Infix "*" := mul.

(** How the new memory moves, and what it is made of. *)
Let move si sk sg i k g c pi pk ai ak ag dc dpi dpk :=
  sk * (ak + (dpk * c + pk * dc)) * c + k * dc + (si * (ai + (dpi * c + pi * dc)) * g + i * (sg * ag)).

Lemma old_identity dc1 dh1 i k g o c t si sk sg so st pi pk po ai ak ag ao dc dpi dpk dpo d :
  d = dc1 + dh1 * o * st ->
  let m := move si sk sg i k g c pi pk ai ak ag dc dpi dpk in
  dc1 * m + dh1 * (so * (ao + (dpo * c + po * dc)) * t + o * (st * m))
  = d * g * si * ai + d * c * sk * ak + d * i * sg * ag + dh1 * t * so * ao
    + (d * g * si * c * dpi + d * c * sk * c * dpk + dh1 * t * so * c * dpo)
    + (d * k + (d * g * si * pi + d * c * sk * pk) + dh1 * t * so * po) * dc.
Proof. move=> ->; rewrite /move /=; ring. Qed.

Lemma new_identity dc1 dh1 i k g o c c1 t si sk sg so st pi pk po ai ak ag ao dc dpi dpk dpo d :
  d = dc1 + dh1 * o * st + dh1 * t * so * po ->
  let m := move si sk sg i k g c pi pk ai ak ag dc dpi dpk in
  dc1 * m + dh1 * (so * (ao + (dpo * c1 + po * m)) * t + o * (st * m))
  = d * g * si * ai + d * c * sk * ak + d * i * sg * ag + dh1 * t * so * ao
    + (d * g * si * c * dpi + d * c * sk * c * dpk + dh1 * t * so * c1 * dpo)
    + (d * k + (d * g * si * pi + d * c * sk * pk)) * dc.
Proof. move=> ->; rewrite /move /=; ring. Qed.

End Identities.

Section Peephole.

Variables (F : realFieldType) (s ss f sf psi spsi : F -> F).
Hypotheses (gate_sloped : forall z, sloped s ss z) (candidate_sloped : forall z, sloped f sf z).
Hypothesis hidden_sloped : forall z, sloped psi spsi z.

(** Curves of the pre-activations, the old memory and the peepholes. *)
Variables (ai ak ag ao c pi pk po : F -> F) (dai dak dag dao dc dpi dpk dpo : F).
Hypotheses (m_ai : derivative ai dai) (m_ak : derivative ak dak) (m_ag : derivative ag dag) (m_ao : derivative ao dao).
Hypotheses (m_c : derivative c dc) (m_pi : derivative pi dpi) (m_pk : derivative pk dpk) (m_po : derivative po dpo).

(** Input gate, forget gate, candidate, new memory; the output gate sees the old memory, or the new one. *)
Let i r := s (ai r + pi r * c r).
Let k r := s (ak r + pk r * c r).
Let g r := f (ag r).
Let c1 r := k r * c r + i r * g r.
Let o_old r := s (ao r + po r * c r).
Let o_new r := s (ao r + po r * c1 r).
Let t := psi (c1 0).

Let derivative_eq (u : F -> F) d1 d2 : derivative u d1 -> d1 = d2 -> derivative u d2.
Proof. by move=> du <-. Qed.

Let seen a p x da dp dx : derivative a da -> derivative p dp -> derivative x dx ->
  derivative (fun r => s (a r + p r * x r)) (ss (s (a 0 + p 0 * x 0)) * (da + (dp * x 0 + p 0 * dx))).
Proof.
move=> ma mp mx.
exact: (@moved _ s ss (fun r => a r + p r * x r) _ (gate_sloped _) (derivative_add ma (derivative_mul mp mx))).
Qed.

Let m_c1 := derivative_add (derivative_mul (seen m_ak m_pk m_c) m_c)
  (derivative_mul (seen m_ai m_pi m_c) (moved (candidate_sloped _) m_ag)).

(** Peepholes on the old memory, the output gate's too. With d = dc1 + dh1 o slope(psi(c1)) as without peepholes, each
    gate's cotangent goes, times its peephole, to the old memory, and times the memory to the peephole.
    Code: refseq/cells/lstm_memory.py diagonal, remember, emit; refseq/cells/lstm_stages.py together
    Scope: every ordered field (the real numbers), activations differentiable everywhere (tanh, sigmoid, identity) *)
Theorem peephole_backward dc1 dh1 (d := dc1 + dh1 * o_old 0 * spsi t)
    (di := d * g 0 * ss (i 0)) (dk := d * c 0 * ss (k 0)) (do := dh1 * t * ss (o_old 0)) :
  derivative (fun r => dc1 * c1 r + dh1 * (o_old r * psi (c1 r)))
    (di * dai + dk * dak + d * i 0 * sf (g 0) * dag + do * dao
     + (di * c 0 * dpi + dk * c 0 * dpk + do * c 0 * dpo)
     + (d * k 0 + (di * pi 0 + dk * pk 0) + do * po 0) * dc).
Proof.
have m_h1 := derivative_mul (seen m_ao m_po m_c) (@moved _ psi spsi c1 _ (hidden_sloped _) m_c1).
have moves := derivative_add (derivative_scale dc1 m_c1) (derivative_scale dh1 m_h1).
by apply: derivative_eq moves _; apply: (old_identity (field_laws F)).
Qed.

(** The output gate sees the new memory: its cotangent comes back to that, d = dc1 + dh1 o slope(psi(c1)) + do po.
    Code: refseq/cells/lstm_memory.py diagonal, remember, emit; refseq/cells/lstm_stages.py together
    Scope: every ordered field (the real numbers), activations differentiable everywhere (tanh, sigmoid, identity) *)
Theorem peephole_new_backward dc1 dh1 (do := dh1 * t * ss (o_new 0)) (d := dc1 + dh1 * o_new 0 * spsi t + do * po 0)
    (di := d * g 0 * ss (i 0)) (dk := d * c 0 * ss (k 0)) :
  derivative (fun r => dc1 * c1 r + dh1 * (o_new r * psi (c1 r)))
    (di * dai + dk * dak + d * i 0 * sf (g 0) * dag + do * dao
     + (di * c 0 * dpi + dk * c 0 * dpk + do * c1 0 * dpo)
     + (d * k 0 + (di * pi 0 + dk * pk 0)) * dc).
Proof.
have m_h1 := derivative_mul (seen m_ao m_po m_c1) (@moved _ psi spsi c1 _ (hidden_sloped _) m_c1).
have moves := derivative_add (derivative_scale dc1 m_c1) (derivative_scale dh1 m_h1).
by apply: derivative_eq moves _; apply: (new_identity (field_laws F)).
Qed.

End Peephole.
