(** The activations over Coq's real numbers: slopes, symmetry, range. These are the hypotheses that other files have.

    The only file that needs the axioms of Coq's real numbers. *)
From Coq Require Import Reals Lra.

Open Scope R_scope.

Definition sigmoid (x : R) : R := / (1 + exp (- x)).

Lemma denominator_pos x : 0 < 1 + exp (- x).
Proof. pose proof (exp_pos (- x)); lra. Qed.

Lemma cosh_pos x : 0 < cosh x.
Proof. unfold cosh; pose proof (exp_pos x); pose proof (exp_pos (- x)); lra. Qed.

(** The sigmoid's slope is y (1 - y), y being its value.
    Code: refseq/primitives.py sigmoid, sigmoid_slope
    Scope: every real number *)
Theorem sigmoid_slope x : derivable_pt_lim sigmoid x (sigmoid x * (1 - sigmoid x)).
Proof.
pose proof (denominator_pos x) as positive.
assert (inner : derivable_pt_lim (fun t => 1 + exp (- t)) x (0 + exp (- x) * - 1)).
  apply derivable_pt_lim_plus; [apply derivable_pt_lim_const |].
  apply (derivable_pt_lim_comp (fun t => - t) exp).
    apply (derivable_pt_lim_opp id x 1); apply derivable_pt_lim_id.
  apply derivable_pt_lim_exp.
assert (whole := derivable_pt_lim_div (fct_cte 1) (fun t => 1 + exp (- t)) x 0 _
  (derivable_pt_lim_const 1 x) inner (Rgt_not_eq _ _ positive)).
unfold fct_cte, Rsqr in whole.
replace (sigmoid x * (1 - sigmoid x)) with
  ((0 * (1 + exp (- x)) - (0 + exp (- x) * -1) * 1) / ((1 + exp (- x)) * (1 + exp (- x)))).
  intros eps eps_pos; destruct (whole eps eps_pos) as [delta near]; exists delta; intros r r_nonzero r_small.
  unfold sigmoid; specialize (near r r_nonzero r_small); unfold div_fct, Rdiv in near |- *.
  rewrite !Rmult_1_l in near; exact near.
unfold sigmoid; field; lra.
Qed.

(** tanh's slope is 1 - y y, y being its value.
    Code: refseq/primitives.py tanh, tanh_slope
    Scope: every real number *)
Theorem tanh_slope x : derivable_pt_lim tanh x (1 - tanh x * tanh x).
Proof.
pose proof (cosh_pos x) as positive.
assert (whole := derivable_pt_lim_div sinh cosh x _ _ (derivable_pt_lim_sinh x) (derivable_pt_lim_cosh x)
  (Rgt_not_eq _ _ positive)).
replace (1 - tanh x * tanh x) with ((cosh x * cosh x - sinh x * sinh x) / Rsqr (cosh x)); [exact whole |].
unfold tanh, Rsqr; field; lra.
Qed.

(** sigmoid(-x) = 1 - sigmoid(x), and tanh(x) = 2 sigmoid(2 x) - 1.
    Code: refseq/primitives.py sigmoid, tanh, complement
    Scope: every real number *)
Theorem sigmoid_symmetric x : sigmoid (- x) = 1 - sigmoid x /\ tanh x = 2 * sigmoid (2 * x) - 1.
Proof.
assert (inverse : forall y, exp (- y) * exp y = 1) by (intro y; rewrite <- exp_plus, Rplus_opp_l; apply exp_0).
pose proof (exp_pos x); pose proof (exp_pos (- x)); pose proof (inverse x) as one; split.
  unfold sigmoid; rewrite Ropp_involutive.
  replace (exp x) with (/ exp (- x)) by (field_simplify_eq; lra); field; lra.
unfold tanh, sinh, cosh, sigmoid.
replace (exp (- (2 * x))) with (exp (- x) * exp (- x)) by (rewrite <- exp_plus; f_equal; lra).
replace (exp x) with (/ exp (- x)) by (field_simplify_eq; lra); field; split; nra.
Qed.

(** Gates are strictly between 0 and 1, and tanh strictly between -1 and 1.
    Code: refseq/primitives.py sigmoid, tanh
    Scope: every real number *)
Theorem activations_in_range x : 0 < sigmoid x < 1 /\ -1 < tanh x < 1.
Proof.
assert (gate : forall y, 0 < sigmoid y < 1).
  intro y; unfold sigmoid; pose proof (exp_pos (- y)); split; [apply Rinv_0_lt_compat; lra |].
  rewrite <- Rinv_1; apply Rinv_lt_contravar; lra.
split; [apply gate |]; destruct (sigmoid_symmetric x) as [_ ->]; pose proof (gate (2 * x)); lra.
Qed.
